"""How good are the generated project's search and abstention on third-party questions?

    python benchmarks/rag_quality.py [--distractors 300] [--work DIR]

Two sets of questions come from Debian packages (fetched with apt, kept in --work or a scratch
folder, never in a repository): the FAQs of Python and Debian, and the FAQ of Perl. A document is an
answer without its question. Sections of the same language's manuals are added as distractors (those
of the other language might answer questions that must have no answer here). All parameters are
tuned on the first set and measured on the second: the nDCG@10 of the search with paired bootstrap
intervals, compared with LangChain's plain retriever and LlamaIndex's default on the same
embeddings; how well answerable and unanswerable questions are separated; and whether every citation
quotes its source correctly. Fails if a goal is missed.

Unanswerable questions are those of the other set that name its subject, such as a question about
Python on Perl's documents. Some of the others do have an answer here ("How do I reverse a
string?"), so they are no ground truth; their result is printed, too, but has no goal.
"""

# ruff: noqa: PLC0415, S311 - imports from the project's environment; samples, not secrets

import argparse
import html
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("perl-doc", "python3.11-doc", "debian-faq")
PEERS = ("llama-index-core>=0.14",)
WORDS = 150
MIN_WORDS = 12
MAX_UNANSWERABLE = 100
_NAMES_PYTHON = re.compile(r"\b(python|py\w*|debian|dpkg|apt|deb)\b", re.IGNORECASE)
_NAMES_PERL = re.compile(r"\b(perl\w*|cpan|xs)\b", re.IGNORECASE)
CUTOFF = 10
GOAL_AUC, GOAL_ANSWERED, GOAL_FALSE = 0.92, 0.8, 0.1
_SECTION = re.compile(
    r'<h[23]>(.*?)<a class="headerlink".*?</h[23]>(.*?)(?=<h[23]>|</section>)', re.DOTALL
)
_DEBIAN = re.compile(
    r"<h2[^>]*>(.*?)</h2>(.*?)(?=<h2|<div class=\"(?:navfooter|section)|\Z)", re.DOTALL
)
_PERL = re.compile(r"^=head2 (.*?)\n\n(.*?)(?=^=head|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Item:
    """A question and the text that answers it, or a heading and its section."""

    question: str
    text: str


def main() -> int:
    """Prepare, then measure in the project's environment; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--distractors", type=int, default=300)
    parser.add_argument(
        "--work", type=Path, help="keep packages, project and indexes in this folder"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        return measure(args.work, args.distractors)
    with tempfile.TemporaryDirectory() as scratch:
        work = (args.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        fetch(work / "debian")
        command = [prepare(work), __file__, "--inside", "--work", work]
        command += ["--distractors", args.distractors]
        environment = os.environ | {"DO_NOT_TRACK": "true"}
        return subprocess.run(list(map(str, command)), check=False, env=environment).returncode


def fetch(folder: Path) -> None:
    """Download and unpack the packages."""
    for package in PACKAGES:
        target = folder / package
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True)
            [archive] = folder.glob(f"{package}_*.deb")
            subprocess.run(["dpkg-deb", "-x", archive, target], check=True)


def prepare(work: Path) -> Path:
    """Render and install the project and the peer; returns the interpreter."""
    project = work / "rag-system"
    if not project.exists():
        command = [sys.executable, "-m", "mlops_scaffold", "new", "rag-system", str(project), "-y"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["make", "setup"], cwd=project, check=True, stdout=subprocess.DEVNULL)
    python = project / ".venv" / "bin" / "python"
    install = ["uv", "pip", "install", "--quiet", "--python", python, *PEERS]
    subprocess.run(list(map(str, install)), check=True)
    return python


def python_and_debian(folder: Path) -> list[Item]:
    """Return the FAQs of Python and Debian."""
    pages = sorted((folder / "python3.11-doc").rglob("html/faq/*.html"))
    found = [item for page in pages for item in sections(page.read_text("utf-8"), _SECTION)]
    pages = sorted((folder / "debian-faq").rglob("FAQ/*.en.html"))
    found += [item for page in pages for item in sections(page.read_text("utf-8"), _DEBIAN)]
    return unique(item for item in found if item.question.endswith("?"))


def perl(folder: Path) -> list[Item]:
    """Return the FAQ of Perl."""
    pods = sorted((folder / "perl-doc").rglob("perlfaq[1-9].pod"))
    found = (
        Item(pod(match[1]), pod(match[2]))
        for path in pods
        for match in _PERL.finditer(path.read_text("utf-8", errors="replace"))
    )
    return unique(found)


def python_distractors(folder: Path, number: int) -> list[Item]:
    """Return sections of the Python library manual."""
    pages = sorted((folder / "python3.11-doc").rglob("html/library/*.html"))[::2]
    found = (item for page in pages for item in sections(page.read_text("utf-8"), _SECTION))
    return random.Random(0).sample(unique(found), number)


def perl_distractors(folder: Path, number: int) -> list[Item]:
    """Return sections of the Perl manuals."""
    found = (
        Item(pod(each[1]), pod(each[2]))
        for path in sorted((folder / "perl-doc").rglob("*.pod"))[::2]
        if not path.name.startswith("perlfaq")
        for each in _PERL.finditer(path.read_text("utf-8", errors="replace"))
    )
    return random.Random(0).sample(unique(found), number)


def sections(page: str, pattern: re.Pattern[str]) -> Iterator[Item]:
    """Yield the headings of a page with the text below them."""
    for match in pattern.finditer(page):
        question = re.sub(r"^[\d.\s]+", "", plain(match[1]))
        yield Item(question, plain(match[2]))


def plain(markup: str) -> str:
    """Strip the tags from HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def pod(text: str) -> str:
    """Strip the commands from Perl's POD markup."""
    text = re.sub(r"^=\w+.*$|X<[^>]*>", " ", text, flags=re.MULTILINE)
    for _ in range(3):
        text = re.sub(r"[A-Z]<+\s*(?:[^<>|]*\|)?([^<>]*?)\s*>+", r"\1", text)
    return " ".join(text.split())


def unique(items: Iterable[Item]) -> list[Item]:
    """Drop short texts and repeated questions, and truncate texts to what the model reads."""
    found: dict[str, Item] = {}
    for item in items:
        words = item.text.split()
        if len(words) >= MIN_WORDS and len(item.question.split()) > 1:
            found.setdefault(item.question, Item(item.question, " ".join(words[:WORDS])))
    return list(found.values())


def measure(work: Path, distractors: int) -> int:
    """Tune on the first set, measure on the second; returns the exit code."""
    from rag_system.evaluate.tune import tune
    from rag_system.text.embed import MiniLM

    folder = work / "debian"
    first, second = python_and_debian(folder), perl(folder)
    embedder = MiniLM()
    about_python = [each for each in first if _NAMES_PYTHON.search(each.question)]
    about_perl = [each for each in second if _NAMES_PERL.search(each.question)]
    tuning = Bench(
        work / "tune", first, python_distractors(folder, distractors), about_perl, embedder
    )
    testing = Bench(
        work / "test", second, perl_distractors(folder, distractors), about_python, embedder
    )
    print(
        f"tuned on {len(first)} questions of Python and Debian, measured on {len(second)} of Perl"
    )
    tuned = tune(tuning.searched(), "the FAQs of Python and Debian")
    print(f"{tuned.fusion}, threshold {tuned.threshold}")
    failures = testing.compare(tuned) + testing.abstain(tuned, first) + testing.cite()
    print("\n".join(failures) or "all goals are met")
    return 1 if failures else 0


class Bench:
    """Questions, their answers as documents, distractors, and unanswerable questions."""

    def __init__(
        self,
        folder: Path,
        items: Sequence[Item],
        distractors: Sequence[Item],
        unanswerable: Sequence[Item],
        embedder: Any,
    ) -> None:
        from rag_system.evaluate.run import build_index
        from rag_system.settings import Settings

        documents = folder / "documents"
        documents.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate((*items, *distractors)):
            (documents / f"{number:04}.txt").write_text(item.text, "utf-8")
        values: dict[str, Any] = {
            "auth": "none",
            "documents_dir": documents,
            "state_dir": folder,
            "chunk_words": WORDS,
            "cache_entries": 0,
            "min_confidence": 0,
            "store": "embedded",
            "answerer": "extractive",
            "reranker": "none",
        }
        self.settings = Settings(**values)
        self.embedder = embedder
        self.items = items
        self.documents = documents
        self.unanswerable = sample(unanswerable)
        self.store, _ = build_index(self.settings, embedder)
        self._searched: list[Any] = []

    def searched(self) -> list[Any]:
        """Search for all questions, once."""
        if not self._searched:
            questions = [
                {
                    "id": f"{number:04}",
                    "question": item.question,
                    "split": "test",
                    "sources": [{"document": f"{number:04}.txt", "quote": item.text}],
                }
                for number, item in enumerate(self.items)
            ]
            self._searched = self._search(questions) + self.without_answer(self.unanswerable)
        return self._searched

    def without_answer(self, items: Sequence[Item]) -> list[Any]:
        """Search for questions without an answer."""
        return self._search(
            [
                {"id": f"unanswerable {number}", "question": item.question, "split": "test"}
                for number, item in enumerate(items)
            ]
        )

    def _search(self, records: list[dict[str, Any]]) -> list[Any]:
        from rag_system.evaluate.questions import Question
        from rag_system.evaluate.retrieval import search_questions

        questions = [Question.model_validate(each) for each in records]
        return list(search_questions(questions, self.store, self.embedder))

    def compare(self, tuned: Any) -> list[str]:
        """Compare hybrid search with its parts and with the peers; returns the missed goals."""
        from rag_system.evaluate.statistics import bootstrap
        from rag_system.retrieve.fuse import fuse
        from rag_system.retrieve.tuned import Fusion

        answerable = [each for each in self.searched() if each.gold_spans]
        fusions = {
            "hybrid, tuned": tuned.fusion,
            "dense only": Fusion(dense_weight=1, k=10),
            "BM25 only": Fusion(dense_weight=0, k=10),
            "hybrid, equal weights": Fusion(dense_weight=0.5, k=60),
        }
        ranked = {
            name: [
                [hit.chunk.document for hit in fuse(each.results, fusion)] for each in answerable
            ]
            for name, fusion in fusions.items()
        }
        questions = [each.question.question for each in answerable]
        ranked["LangChain, plain retriever"] = self.langchain(questions)
        ranked["LlamaIndex, default"] = self.llama_index(questions)
        ids = [f"{each.question.id}.txt" for each in answerable]
        gains = {
            name: [gain(order, document) for order, document in zip(orders, ids, strict=True)]
            for name, orders in ranked.items()
        }
        ours = gains["hybrid, tuned"]
        differences = {}
        for name, each in gains.items():
            differences[name] = bootstrap([a - b for a, b in zip(ours, each, strict=True)])
            mean = sum(each) / len(each)
            print(f"{name:<28} nDCG@10 {mean:.3f}   ours minus it {differences[name]}")
        if differences["dense only"].low <= 0:
            print("hybrid search is not significantly better than dense search alone here")
        beaten = differences["BM25 only"].low > 0
        return [] if beaten else ["hybrid search is not significantly better than BM25"]

    def langchain(self, questions: Sequence[str]) -> list[list[str]]:
        """Search with LangChain's vector store on the same embeddings."""
        from langchain_core.embeddings import Embeddings
        from langchain_core.vectorstores import InMemoryVectorStore

        embedder = self.embedder

        class SameEmbeddings(Embeddings):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return [row.tolist() for row in embedder.embed(texts)]

            def embed_query(self, text: str) -> list[float]:
                return self.embed_documents([text])[0]

        store = InMemoryVectorStore(SameEmbeddings())
        paths = sorted(self.documents.glob("*.txt"))
        store.add_texts(
            [path.read_text("utf-8") for path in paths], [{"id": p.name} for p in paths]
        )
        retriever = store.as_retriever(search_kwargs={"k": CUTOFF})
        return [[each.metadata["id"] for each in retriever.invoke(text)] for text in questions]

    def llama_index(self, questions: Sequence[str]) -> list[list[str]]:
        """Search with LlamaIndex's default index on the same embeddings."""
        from llama_index.core import Document, VectorStoreIndex
        from llama_index.core.embeddings import BaseEmbedding

        embedder = self.embedder

        class SameEmbedding(BaseEmbedding):
            def _get_text_embedding(self, text: str) -> list[float]:
                vector: list[float] = embedder.embed([text])[0].tolist()
                return vector

            def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
                return [row.tolist() for row in embedder.embed(texts)]

            _get_query_embedding = _get_text_embedding

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return self._get_text_embedding(query)

        paths = sorted(self.documents.glob("*.txt"))
        documents = [Document(text=path.read_text("utf-8"), id_=path.name) for path in paths]
        index = VectorStoreIndex.from_documents(documents, embed_model=SameEmbedding())
        retriever = index.as_retriever(similarity_top_k=CUTOFF)
        return [[each.node.ref_doc_id for each in retriever.retrieve(text)] for text in questions]

    def abstain(self, tuned: Any, others: Sequence[Item]) -> list[str]:
        """Measure how well answerable and unanswerable questions are separated."""
        from rag_system.evaluate.statistics import auc
        from rag_system.evaluate.tune import evidence_features
        from rag_system.retrieve.evidence import confidence

        def confidences(searched: Sequence[Any]) -> list[float]:
            return [
                confidence(evidence_features(each, tuned.fusion), tuned.evidence)
                for each in searched
            ]

        answerable = confidences([each for each in self.searched() if each.gold_spans])
        unanswerable = confidences([each for each in self.searched() if not each.gold_spans])
        any_other = confidences(self.without_answer(sample(others)))
        area = auc(answerable, unanswerable)
        answered = share(answerable, tuned.threshold)
        false = share(unanswerable, tuned.threshold)
        print(
            f"abstention: AUC {area:.3f}, answered {answered:.3f} of the answerable questions and "
            f"{false:.3f} of {len(unanswerable)} unanswerable ones (any question of the other set: "
            f"AUC {auc(answerable, any_other):.3f}, {share(any_other, tuned.threshold):.3f})"
        )
        return [
            text
            for held, text in (
                (area >= GOAL_AUC, f"the AUC of abstention is only {area:.3f}"),
                (
                    answered >= GOAL_ANSWERED,
                    f"only {answered:.3f} of the answerable questions are answered",
                ),
                (false <= GOAL_FALSE, f"{false:.3f} of the unanswerable questions are answered"),
            )
            if not held
        ]

    def cite(self) -> list[str]:
        """Check the citations of 300 answers against their documents."""
        from rag_system.answer.graph import AskRequest
        from rag_system.factories import build_assistant
        from rag_system.records import Scope

        assistant = build_assistant(self.settings, self.store, self.embedder)
        scope = Scope(frozenset({"public"}))
        cited = wrong = 0
        for item in self.items[:300]:
            for each in assistant.answer(AskRequest(item.question, scope)).citations:
                text = (self.documents / each.document).read_text("utf-8")
                cited += 1
                wrong += text[each.start : each.end] != each.quote
        print(f"{cited} citations in {len(self.items[:300])} answers, {wrong} of them wrong")
        return [f"{wrong} citations do not match their document"] if wrong else []


def sample(items: Sequence[Item]) -> list[Item]:
    """Select some questions, the same ones each time."""
    return random.Random(1).sample(list(items), min(MAX_UNANSWERABLE, len(items)))


def share(confidences: Sequence[float], threshold: float) -> float:
    """Return the share of questions that would be answered."""
    return sum(each >= threshold for each in confidences) / len(confidences)


def gain(order: Sequence[str], document: str) -> float:
    """Return the nDCG@10 of a ranking with one relevant document."""
    import math

    unique_order = list(dict.fromkeys(order))[:CUTOFF]
    if document not in unique_order:
        return 0.0
    return 1 / math.log2(2 + unique_order.index(document))


if __name__ == "__main__":
    sys.exit(main())
