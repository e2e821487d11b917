"""How fast and how memory-efficient is the generated index? Vectors are random, no model is used.

    python benchmarks/rag_search.py [--chunks 50000] [--ingest 100000] [--queries 60] [--work DIR]

Renders `rag-system`, then measures, each in its own process: the memory for ingesting all chunks,
compared with a tenth of them; the cost of `--help`; the time to open the index; and a hybrid search
(dense and sparse), where a filter by label admits a third of the chunks. For comparison,
LangChain's in-memory vector store does dense search only, on the same vectors with the same filter.
Recall is relative to exact search in float64. Fails if a goal is missed.
"""

# ruff: noqa: PLC0415 - each part imports packages that only its own process needs

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
"""Memory for ingesting all chunks, relative to a tenth of them."""


def main() -> int:
    """Measure everything; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chunks", type=int, default=50_000)
    parser.add_argument("--ingest", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument(
        "--work", type=Path, help="keep the rendered project and its environment in this folder"
    )
    parser.add_argument("--part", nargs=2, metavar=("NAME", "NUMBER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        name, number = args.part
        print(json.dumps(PARTS[name](args.work, int(number), args.queries)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        work = (args.work or Path(scratch)).resolve()
        python = prepare(work)
        return report(work, python, args)


def prepare(work: Path) -> Path:
    """Render and install the project; returns its interpreter."""
    project = work / "rag-system"
    if not project.exists():
        command = [sys.executable, "-m", "mlops_scaffold", "new", "rag-system", str(project), "-y"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["make", "setup"], cwd=project, check=True, stdout=subprocess.DEVNULL)
    return project / ".venv" / "bin" / "python"


def report(work: Path, python: Path, args: argparse.Namespace) -> int:
    """Run the parts, print their results, and compare them with the goals."""

    def part(name: str, number: int) -> dict[str, float]:
        command = [python, __file__, "--work", work, "--queries", args.queries]
        done = subprocess.run(
            [*map(str, command), "--part", name, str(number)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"DO_NOT_TRACK": "true"},
        )
        result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        print(f"{name} {number}: " + ", ".join(f"{k} {v:.4g}" for k, v in result.items()))
        return result

    some, many = part("ingest", args.ingest // 10), part("ingest", args.ingest)
    part("ingest", args.chunks)
    ours, theirs = part("search", args.chunks), part("langchain", args.chunks)
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
    """Return random unit vectors; shape (number, 384)."""
    import numpy as np

    directions = np.random.default_rng(seed).standard_normal((number, SIZE), dtype=np.float32)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def ingest(work: Path, number: int, _: int) -> dict[str, float]:
    """Ingest the chunks, document by document."""
    import numpy as np
    from rag_system.index.embedded import EmbeddedStore
    from rag_system.records import Chunk, Document, Entry, SparseVector

    path = work / f"index-{number}.db"
    path.unlink(missing_ok=True)
    store = EmbeddedStore(path, SIZE)
    generator = np.random.default_rng(1)
    began = time.perf_counter()
    for place in range(0, number, PER_DOCUMENT):
        document_id = f"{place:07}.md"
        label = LABELS[place // PER_DOCUMENT % len(LABELS)]
        entries = []
        for ordinal, vector in enumerate(vectors(PER_DOCUMENT, seed=place)):
            # Word frequencies follow a Zipf distribution, so postings have realistic lengths.
            terms = np.unique(generator.zipf(1.3, TERMS) % VOCABULARY).astype(np.int32)
            sparse = SparseVector(terms, np.ones(len(terms), np.float32))
            chunk = Chunk(document_id, ordinal, 0, 600, "x" * 600, "Heading", (0, 600))
            entries.append(Entry(chunk, vector, sparse))
        store.put(Document(document_id, "T", "", "markdown", frozenset({label}), "d"), entries)
    seconds = time.perf_counter() - began
    return {"chunks/s": number / seconds, "MiB": memory()}


def search(work: Path, number: int, queries: int) -> dict[str, float]:
    """Open the index and search the third of the chunks with one of the labels."""
    import numpy as np
    from rag_system.index.base import Query
    from rag_system.index.embedded import EmbeddedStore
    from rag_system.records import Scope, SparseVector

    store = EmbeddedStore(work / f"index-{number}.db", SIZE)
    scope = Scope(frozenset({LABELS[0]}))
    generator = np.random.default_rng(2)
    requests = []
    for vector in vectors(queries, seed=-1 % 2**31):
        terms = np.unique(generator.zipf(1.3, 8) % VOCABULARY).astype(np.int32)
        requests.append(Query(vector, SparseVector(terms, np.ones(len(terms), np.float32))))
    began = time.perf_counter()
    store.search(requests[0], scope, 10)
    opened = time.perf_counter() - began
    found, times = timed(lambda query: store.search(query, scope, 10), requests)
    all_vectors = np.concatenate(
        [vectors(PER_DOCUMENT, seed=p) for p in range(0, number, PER_DOCUMENT)]
    )
    allowed = np.arange(number) // PER_DOCUMENT % len(LABELS) == 0
    hits = 0
    for query, answer in zip(requests, found, strict=True):
        scores = np.where(allowed, all_vectors.astype(float) @ query.dense.astype(float), -np.inf)
        best = {(f"{r // 10 * 10:07}.md", r % 10) for r in np.argsort(-scores)[:10].tolist()}
        hits += len(best & {hit.chunk.key for hit in answer.dense})
    return {**figures(times), "open s": opened, "recall": hits / (10 * queries), "MiB": memory()}


def langchain(work: Path, number: int, queries: int) -> dict[str, float]:
    """Do dense search in LangChain's in-memory store; only a few queries, since it is slow."""
    del work
    from langchain_core.embeddings import FakeEmbeddings
    from langchain_core.vectorstores import InMemoryVectorStore

    store = InMemoryVectorStore(FakeEmbeddings(size=SIZE))
    for place in range(0, number, PER_DOCUMENT):
        label = LABELS[place // PER_DOCUMENT % len(LABELS)]
        for ordinal, vector in enumerate(vectors(PER_DOCUMENT, seed=place)):
            document_id = f"{place}-{ordinal}"
            store.store[document_id] = {
                "id": document_id,
                "vector": vector.tolist(),
                "text": "x" * 600,
                "metadata": {"label": label},
            }
    queried = list(vectors(min(queries, 5), seed=-1 % 2**31))
    _, times = timed(
        lambda vector: store.similarity_search_with_score_by_vector(
            vector.tolist(), k=10, filter=lambda each: each.metadata["label"] == LABELS[0]
        ),
        queried,
    )
    return {**figures(times), "MiB": memory()}


def timed(call: Callable[[Any], Any], values: list[Any]) -> tuple[list[Any], list[float]]:
    """Return the result of each call, and its time in milliseconds."""
    found, times = [], []
    for value in values:
        began = time.perf_counter()
        found.append(call(value))
        times.append(1000 * (time.perf_counter() - began))
    return found, times


def figures(times: list[float]) -> dict[str, float]:
    """Return the median and the maximum."""
    return {"p50 ms": statistics.median(times), "max ms": max(times)}


def memory() -> float:
    """Return the peak memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def help_cost(work: Path, number: int, _: int) -> dict[str, float]:
    """Measure the CPU time of the ingestion's `--help`: the median of several calls."""
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
