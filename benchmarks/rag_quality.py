"""How good are search and abstention of the generated project on questions of others?

    python benchmarks/rag_quality.py [--distractors 300] [--work DIR]

Two sets of questions come from Debian packages (fetched with apt, kept in --work or a scratch
folder, never in a repository): the FAQs of Python and of Debian, and Perl's. A document is the
answer without its question; sections of the same language's manuals are added to be mistaken for
answers (not of the other's: those might answer the questions that must have no answer here). All
numbers are tuned on the first set and measured on the second: a search's nDCG@10 with paired
bootstrap intervals, beside LangChain's plain retriever and LlamaIndex's default on the same
embeddings; how well questions that the documents don't answer are told from those that they do;
and whether every citation stands in its source. Fails if a goal is missed.

Questions without an answer are those of the other set that name their subject, like Python in
Perl's documents. Of the rest some do have one here ("How do I reverse a string?"), so they can't
tell right from wrong; their figure is printed, too, without a goal.
"""

# ruff: noqa: PLC0415, S311 - imports of the project's environment, not ours; draws, not secrets

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
LEAST = 12
OUTSIDERS = 100
_NAMES_PYTHON = re.compile(r"\b(python|py\w*|debian|dpkg|apt|deb)\b", re.IGNORECASE)
_NAMES_PERL = re.compile(r"\b(perl\w*|cpan|xs)\b", re.IGNORECASE)
CUT = 10
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
    """Prepare, or measure in the project's environment; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--distractors", type=int, default=300)
    parser.add_argument("--work", type=Path, help="keep packages, project and indexes here")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        return measure(asked.work, asked.distractors)
    with tempfile.TemporaryDirectory() as scratch:
        work = (asked.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        fetch(work / "debian")
        command = [prepare(work), __file__, "--inside", "--work", work]
        command += ["--distractors", asked.distractors]
        environment = os.environ | {"DO_NOT_TRACK": "true"}
        return subprocess.run(list(map(str, command)), check=False, env=environment).returncode


def fetch(folder: Path) -> None:
    """The packages, unpacked."""
    for package in PACKAGES:
        target = folder / package
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True)
            [archive] = folder.glob(f"{package}_*.deb")
            subprocess.run(["dpkg-deb", "-x", archive, target], check=True)


def prepare(work: Path) -> Path:
    """Render and install the project and the peer; gives its interpreter."""
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
    """The FAQs of Python and of Debian."""
    pages = sorted((folder / "python3.11-doc").rglob("html/faq/*.html"))
    found = [item for page in pages for item in sections(page.read_text("utf-8"), _SECTION)]
    pages = sorted((folder / "debian-faq").rglob("FAQ/*.en.html"))
    found += [item for page in pages for item in sections(page.read_text("utf-8"), _DEBIAN)]
    return unique(item for item in found if item.question.endswith("?"))


def perl(folder: Path) -> list[Item]:
    """Perl's FAQ."""
    pods = sorted((folder / "perl-doc").rglob("perlfaq[1-9].pod"))
    found = (
        Item(pod(match[1]), pod(match[2]))
        for path in pods
        for match in _PERL.finditer(path.read_text("utf-8", errors="replace"))
    )
    return unique(found)


def of_python(folder: Path, number: int) -> list[Item]:
    """Sections of the manual of Python's library."""
    pages = sorted((folder / "python3.11-doc").rglob("html/library/*.html"))[::2]
    found = (item for page in pages for item in sections(page.read_text("utf-8"), _SECTION))
    return random.Random(0).sample(unique(found), number)


def of_perl(folder: Path, number: int) -> list[Item]:
    """Sections of Perl's manuals."""
    found = (
        Item(pod(each[1]), pod(each[2]))
        for path in sorted((folder / "perl-doc").rglob("*.pod"))[::2]
        if not path.name.startswith("perlfaq")
        for each in _PERL.finditer(path.read_text("utf-8", errors="replace"))
    )
    return random.Random(0).sample(unique(found), number)


def sections(page: str, pattern: re.Pattern[str]) -> Iterator[Item]:
    """Headings of a page and what follows them."""
    for match in pattern.finditer(page):
        question = re.sub(r"^[\d.\s]+", "", plain(match[1]))
        yield Item(question, plain(match[2]))


def plain(markup: str) -> str:
    """HTML without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def pod(text: str) -> str:
    """Perl's own markup without its commands."""
    text = re.sub(r"^=\w+.*$|X<[^>]*>", " ", text, flags=re.MULTILINE)
    for _ in range(3):
        text = re.sub(r"[A-Z]<+\s*(?:[^<>|]*\|)?([^<>]*?)\s*>+", r"\1", text)
    return " ".join(text.split())


def unique(items: Iterable[Item]) -> list[Item]:
    """Those that say something, each question once, cut to a length that the model reads."""
    found: dict[str, Item] = {}
    for item in items:
        words = item.text.split()
        if len(words) >= LEAST and len(item.question.split()) > 1:
            found.setdefault(item.question, Item(item.question, " ".join(words[:WORDS])))
    return list(found.values())


def measure(work: Path, distractors: int) -> int:
    """Tune on the first set, measure on the second; gives the exit code."""
    from rag_system.evaluate.tune import tune
    from rag_system.text.embed import MiniLM

    folder = work / "debian"
    first, second = python_and_debian(folder), perl(folder)
    embedder = MiniLM()
    about_python = [each for each in first if _NAMES_PYTHON.search(each.question)]
    about_perl = [each for each in second if _NAMES_PERL.search(each.question)]
    tuning = Bench(work / "tune", first, of_python(folder, distractors), about_perl, embedder)
    testing = Bench(work / "test", second, of_perl(folder, distractors), about_python, embedder)
    print(
        f"tuned on {len(first)} questions of Python and Debian, measured on {len(second)} of Perl"
    )
    tuned = tune(tuning.searched(), "the FAQs of Python and Debian")
    print(f"{tuned.fusion}, threshold {tuned.threshold}")
    failures = testing.compare(tuned) + testing.abstain(tuned, first) + testing.cite()
    print("\n".join(failures) or "all goals are met")
    return 1 if failures else 0


class Bench:
    """Questions, their answers as documents, others to be mistaken for them, and outsiders."""

    def __init__(
        self,
        folder: Path,
        items: Sequence[Item],
        rest: Sequence[Item],
        outsiders: Sequence[Item],
        embedder: Any,
    ) -> None:
        from rag_system.evaluate.run import index
        from rag_system.settings import Settings

        documents = folder / "documents"
        documents.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate((*items, *rest)):
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
        self.outsiders = sample(outsiders)
        self.store, _ = index(self.settings, embedder)
        self._searched: list[Any] = []

    def searched(self) -> list[Any]:
        """All questions, with what both halves of the search found."""
        if not self._searched:
            asked = [
                {
                    "id": f"{number:04}",
                    "question": item.question,
                    "split": "test",
                    "sources": [{"document": f"{number:04}.txt", "quote": item.text}],
                }
                for number, item in enumerate(self.items)
            ]
            self._searched = self._search(asked) + self.without_answer(self.outsiders)
        return self._searched

    def without_answer(self, items: Sequence[Item]) -> list[Any]:
        """Questions of others, with what both halves of the search found."""
        return self._search(
            [
                {"id": f"out {number}", "question": item.question, "split": "test"}
                for number, item in enumerate(items)
            ]
        )

    def _search(self, asked: list[dict[str, Any]]) -> list[Any]:
        from rag_system.evaluate.questions import Question
        from rag_system.evaluate.retrieval import search_all

        questions = [Question.model_validate(each) for each in asked]
        return list(search_all(questions, self.store, self.embedder))

    def compare(self, tuned: Any) -> list[str]:
        """Hybrid beside its halves and beside the peers; gives the goals that are missed."""
        from rag_system.evaluate.statistics import bootstrap
        from rag_system.retrieve.fuse import fuse
        from rag_system.retrieve.tuned import Fusion

        inside = [each for each in self.searched() if each.golds]
        ways = {
            "hybrid, tuned": tuned.fusion,
            "by meaning alone": Fusion(dense_weight=1, k=10),
            "by word alone (BM25)": Fusion(dense_weight=0, k=10),
            "hybrid, equal weights": Fusion(dense_weight=0.5, k=60),
        }
        ranked = {
            name: [[hit.chunk.document for hit in fuse(each.found, way)] for each in inside]
            for name, way in ways.items()
        }
        questions = [each.question.question for each in inside]
        ranked["LangChain, plain retriever"] = self.langchain(questions)
        ranked["LlamaIndex, default"] = self.llama_index(questions)
        ids = [f"{each.question.id}.txt" for each in inside]
        gains = {
            name: [gain(order, document) for order, document in zip(orders, ids, strict=True)]
            for name, orders in ranked.items()
        }
        ours = gains["hybrid, tuned"]
        differences = {}
        for name, each in gains.items():
            differences[name] = bootstrap([a - b for a, b in zip(ours, each, strict=True)])
            print(
                f"{name:<28} nDCG@10 {sum(each) / len(each):.3f}   ours less it {differences[name]}"
            )
        if differences["by meaning alone"].low <= 0:
            print("that the hybrid is better than meaning alone is not shown here")
        beaten = differences["by word alone (BM25)"].low > 0
        return [] if beaten else ["the hybrid is not surely better than BM25"]

    def langchain(self, questions: Sequence[str]) -> list[list[str]]:
        """What LangChain's vector store finds with the same embeddings."""
        from langchain_core.embeddings import Embeddings
        from langchain_core.vectorstores import InMemoryVectorStore

        embedder = self.embedder

        class Same(Embeddings):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return [row.tolist() for row in embedder.embed(texts)]

            def embed_query(self, text: str) -> list[float]:
                return self.embed_documents([text])[0]

        store = InMemoryVectorStore(Same())
        paths = sorted(self.documents.glob("*.txt"))
        store.add_texts(
            [path.read_text("utf-8") for path in paths], [{"id": p.name} for p in paths]
        )
        retriever = store.as_retriever(search_kwargs={"k": CUT})
        return [[each.metadata["id"] for each in retriever.invoke(text)] for text in questions]

    def llama_index(self, questions: Sequence[str]) -> list[list[str]]:
        """What LlamaIndex's default index finds with the same embeddings."""
        from llama_index.core import Document, VectorStoreIndex
        from llama_index.core.embeddings import BaseEmbedding

        embedder = self.embedder

        class Same(BaseEmbedding):
            def _get_text_embedding(self, text: str) -> list[float]:
                found: list[float] = embedder.embed([text])[0].tolist()
                return found

            def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
                return [row.tolist() for row in embedder.embed(texts)]

            _get_query_embedding = _get_text_embedding

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return self._get_text_embedding(query)

        paths = sorted(self.documents.glob("*.txt"))
        documents = [Document(text=path.read_text("utf-8"), id_=path.name) for path in paths]
        index = VectorStoreIndex.from_documents(documents, embed_model=Same())
        retriever = index.as_retriever(similarity_top_k=CUT)
        return [[each.node.ref_doc_id for each in retriever.retrieve(text)] for text in questions]

    def abstain(self, tuned: Any, others: Sequence[Item]) -> list[str]:
        """Whether questions without an answer are told from those with one."""
        from rag_system.evaluate.statistics import auc
        from rag_system.evaluate.tune import values
        from rag_system.retrieve.evidence import confidence

        def sure(every: Sequence[Any]) -> list[float]:
            return [confidence(values(each, tuned.fusion), tuned.evidence) for each in every]

        inside = sure([each for each in self.searched() if each.golds])
        outside = sure([each for each in self.searched() if not each.golds])
        any_other = sure(self.without_answer(sample(others)))
        area = auc(inside, outside)
        answered = share(inside, tuned.threshold)
        false = share(outside, tuned.threshold)
        print(
            f"abstention: AUC {area:.3f}, {answered:.3f} answered, {false:.3f} of {len(outside)} "
            f"without an answer (any of the other set: {auc(inside, any_other):.3f}, "
            f"{share(any_other, tuned.threshold):.3f})"
        )
        return [
            text
            for held, text in (
                (area >= GOAL_AUC, f"the AUC of abstention is {area:.3f}"),
                (answered >= GOAL_ANSWERED, f"only {answered:.3f} are answered"),
                (false <= GOAL_FALSE, f"{false:.3f} of the outsiders are answered"),
            )
            if not held
        ]

    def cite(self) -> list[str]:
        """Whether the citations of 300 answers stand in their sources."""
        from rag_system.answer.graph import Ask
        from rag_system.parts import assemble
        from rag_system.records import Scope

        assistant = assemble(self.settings, self.store, self.embedder)
        scope = Scope(frozenset({"public"}))
        cited = wrong = 0
        for item in self.items[:300]:
            for each in assistant.answer(Ask(item.question, scope)).citations:
                text = (self.documents / each.document).read_text("utf-8")
                cited += 1
                wrong += text[each.start : each.end] != each.quote
        print(f"{cited} citations of {len(self.items[:300])} answers, {wrong} of them wrong")
        return [f"{wrong} citations are not what stands there"] if wrong else []


def sample(items: Sequence[Item]) -> list[Item]:
    """Some of the questions, the same ones each time."""
    return random.Random(1).sample(list(items), min(OUTSIDERS, len(items)))


def share(confidences: Sequence[float], threshold: float) -> float:
    """How many would be answered."""
    return sum(each >= threshold for each in confidences) / len(confidences)


def gain(order: Sequence[str], document: str) -> float:
    """The nDCG@10 of a ranking of documents of which one is right."""
    import math

    unique_order = list(dict.fromkeys(order))[:CUT]
    if document not in unique_order:
        return 0.0
    return 1 / math.log2(2 + unique_order.index(document))


if __name__ == "__main__":
    sys.exit(main())
