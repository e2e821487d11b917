"""How fast and how lean is the generated index? Vectors are given, so no model takes part.

    python benchmarks/rag_search.py [--chunks 50000] [--ingest 100000] [--queries 60] [--work DIR]

Renders `rag-system`, then measures in processes of their own: how much memory taking in so many
chunks needs, compared with a tenth of them; what `--help` costs; how long it takes to open the
index; and a hybrid search (by meaning and by word) of those chunks that a third of the labels
admit. Beside it, on the same vectors and with the same filter, LangChain's in-memory vector store,
which searches by meaning alone. Recall is that against exact search in float64. Fails if a goal is
missed.
"""

# ruff: noqa: PLC0415 - the parts import what only their own process has

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIZE = 384
PER_DOCUMENT = 10
TERMS = 60
VOCABULARY = 30_000
LABELS = ("public", "staff", "finance")
GOAL_MS = 30.0
GOAL_RECALL = 0.95
GOAL_HELP_S = 0.5
GOAL_GROWTH = 1.25
"""Memory of taking in all chunks, compared with a tenth of them."""


def main() -> int:
    """Measure everything; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chunks", type=int, default=50_000)
    parser.add_argument("--ingest", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--work", type=Path, help="keep the rendered project and its environment")
    parser.add_argument("--part", nargs=2, metavar=("NAME", "NUMBER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        name, number = asked.part
        print(json.dumps(PARTS[name](asked.work, int(number), asked.queries)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        work = (asked.work or Path(scratch)).resolve()
        python = prepare(work)
        return report(work, python, asked)


def prepare(work: Path) -> Path:
    """Render and install the project; gives its interpreter."""
    project = work / "rag-system"
    if not project.exists():
        command = [sys.executable, "-m", "mlops_scaffold", "new", "rag-system", str(project), "-y"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["make", "setup"], cwd=project, check=True, stdout=subprocess.DEVNULL)
    return project / ".venv" / "bin" / "python"


def report(work: Path, python: Path, asked: argparse.Namespace) -> int:
    """Run the parts, print what they found, compare it with the goals."""

    def part(name: str, number: int) -> dict[str, float]:
        command = [python, __file__, "--work", work, "--queries", asked.queries]
        done = subprocess.run(
            [*map(str, command), "--part", name, str(number)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"DO_NOT_TRACK": "true"},
        )
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        print(f"{name} {number}: " + ", ".join(f"{k} {v:.4g}" for k, v in found.items()))
        return found

    some, many = part("ingest", asked.ingest // 10), part("ingest", asked.ingest)
    part("ingest", asked.chunks)
    ours, theirs = part("search", asked.chunks), part("langchain", asked.chunks)
    help_s = part("help", 5)["CPU s"]
    failures = [
        text
        for held, text in (
            (help_s <= GOAL_HELP_S, f"`--help` takes {help_s:.2f} CPU seconds"),
            (ours["p50 ms"] <= GOAL_MS, f"a search takes {ours['p50 ms']:.1f} ms"),
            (ours["recall"] >= GOAL_RECALL, f"recall is {ours['recall']:.3f}"),
            (ours["p50 ms"] <= theirs["p50 ms"], "LangChain's store is faster"),
            (many["MiB"] <= GOAL_GROWTH * some["MiB"], "memory grows with the corpus"),
        )
        if not held
    ]
    print(f"LangChain takes {theirs['p50 ms'] / ours['p50 ms']:.1f} times as long")
    print("\n".join(failures) or "all goals are met")
    return 1 if failures else 0


def vectors(number: int, seed: int = 0) -> Any:
    """Random directions; shape (number, 384)."""
    import numpy as np

    found = np.random.default_rng(seed).standard_normal((number, SIZE), dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def ingest(work: Path, number: int, _: int) -> dict[str, float]:
    """Take in so many chunks, document by document."""
    import numpy as np
    from rag_system.index.embedded import Embedded
    from rag_system.records import Chunk, Document, Entry, SparseVector

    path = work / f"index-{number}.db"
    path.unlink(missing_ok=True)
    store = Embedded(path, SIZE)
    draw = np.random.default_rng(1)
    began = time.perf_counter()
    for place in range(0, number, PER_DOCUMENT):
        identity = f"{place:07}.md"
        label = LABELS[place // PER_DOCUMENT % len(LABELS)]
        entries = []
        for ordinal, vector in enumerate(vectors(PER_DOCUMENT, seed=place)):
            # Frequencies fall as they do in language, so postings have lengths as they do.
            terms = np.unique(draw.zipf(1.3, TERMS) % VOCABULARY).astype(np.int32)
            sparse = SparseVector(terms, np.ones(len(terms), np.float32))
            chunk = Chunk(identity, ordinal, 0, 600, "x" * 600, "Heading", (0, 600))
            entries.append(Entry(chunk, vector, sparse))
        store.put(Document(identity, "T", "", "markdown", frozenset({label}), "d"), entries)
    seconds = time.perf_counter() - began
    return {"chunks/s": number / seconds, "MiB": memory()}


def search(work: Path, number: int, queries: int) -> dict[str, float]:
    """Open the index and search what a third of the labels admit."""
    import numpy as np
    from rag_system.index.base import Query
    from rag_system.index.embedded import Embedded
    from rag_system.records import Scope, SparseVector

    store = Embedded(work / f"index-{number}.db", SIZE)
    scope = Scope(frozenset({LABELS[0]}))
    draw = np.random.default_rng(2)
    asked = []
    for vector in vectors(queries, seed=-1 % 2**31):
        terms = np.unique(draw.zipf(1.3, 8) % VOCABULARY).astype(np.int32)
        asked.append(Query(vector, SparseVector(terms, np.ones(len(terms), np.float32))))
    began = time.perf_counter()
    store.search(asked[0], scope, 10)
    opened = time.perf_counter() - began
    found, times = timed(lambda query: store.search(query, scope, 10), asked)
    every = np.concatenate([vectors(PER_DOCUMENT, seed=p) for p in range(0, number, PER_DOCUMENT)])
    allowed = np.arange(number) // PER_DOCUMENT % len(LABELS) == 0
    hits = 0
    for query, answer in zip(asked, found, strict=True):
        scores = np.where(allowed, every.astype(float) @ query.dense.astype(float), -np.inf)
        best = {(f"{r // 10 * 10:07}.md", r % 10) for r in np.argsort(-scores)[:10].tolist()}
        hits += len(best & {hit.chunk.key for hit in answer.dense})
    return {**figures(times), "open s": opened, "recall": hits / (10 * queries), "MiB": memory()}


def langchain(work: Path, number: int, queries: int) -> dict[str, float]:
    """The same by meaning alone in LangChain's in-memory store; a few queries, for it is slow."""
    del work
    from langchain_core.embeddings import FakeEmbeddings
    from langchain_core.vectorstores import InMemoryVectorStore

    store = InMemoryVectorStore(FakeEmbeddings(size=SIZE))
    for place in range(0, number, PER_DOCUMENT):
        label = LABELS[place // PER_DOCUMENT % len(LABELS)]
        for ordinal, vector in enumerate(vectors(PER_DOCUMENT, seed=place)):
            identity = f"{place}-{ordinal}"
            store.store[identity] = {
                "id": identity,
                "vector": vector.tolist(),
                "text": "x" * 600,
                "metadata": {"label": label},
            }
    asked = list(vectors(min(queries, 5), seed=-1 % 2**31))
    _, times = timed(
        lambda vector: store.similarity_search_with_score_by_vector(
            vector.tolist(), k=10, filter=lambda each: each.metadata["label"] == LABELS[0]
        ),
        asked,
    )
    return {**figures(times), "MiB": memory()}


def timed(call: Callable[[Any], Any], values: list[Any]) -> tuple[list[Any], list[float]]:
    """What each call gives, and its milliseconds."""
    found, times = [], []
    for value in values:
        began = time.perf_counter()
        found.append(call(value))
        times.append(1000 * (time.perf_counter() - began))
    return found, times


def figures(times: list[float]) -> dict[str, float]:
    """The middle and the worst."""
    return {"p50 ms": statistics.median(times), "max ms": max(times)}


def memory() -> float:
    """The most that this process has had in memory, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def help_cost(work: Path, number: int, _: int) -> dict[str, float]:
    """What `--help` of ingestion costs: the middle of some calls."""
    del work
    times = []
    for _ in range(number):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "rag_system.ingest", "--help"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"CPU s": statistics.median(times)}


PARTS = {"ingest": ingest, "search": search, "langchain": langchain, "help": help_cost}

if __name__ == "__main__":
    sys.exit(main())
