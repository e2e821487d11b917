"""Which embedded store should the generated project search? The figures behind its choice.

    python benchmarks/rag_stores.py [--chunks 50000] [--queries 60] [--only NAME ...] [--work DIR]

Each store takes in the same vectors with their texts and labels, is opened anew in a process of its
own, and is asked for the ten nearest of those that a third of the labels admit, with their texts.
`ours` is the project's own store: exact search with NumPy over an SQLite file. The others are in
their default settings, with an index where they have one that is embedded. Vectors lie in clusters,
as those of texts do; recall is that against exact search in float64. Two libraries that only search
(`usearch`, `faiss-hnsw`) are there for what approximate search could gain: they keep no texts, no
labels and no transactions. Prints a table and fails if ours misses its goals, or if another
database meets them in less CPU time.
"""

# ruff: noqa: PLC0415 - each part imports what only its own process needs

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SIZE = 384
TEXT = "x" * 600
LABELS = ("public", "staff", "finance")
BATCH = 1000
CUT = 10
LIBRARIES = ("usearch", "faiss-hnsw")
GOAL_MS, GOAL_RECALL = 30.0, 0.95
PEERS = (
    "chromadb==1.5.9",
    "faiss-cpu==1.15.1",
    "lancedb==0.40.0",
    "milvus-lite==3.2.2",
    "pymilvus==3.0.2",
    "qdrant-client==1.20.0",
    "usearch==2.26.6",
)

Search = Callable[[Any], Sequence[int]]
"""From a vector to the numbers of what is found, nearest first."""


def main() -> int:
    """Measure every store; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chunks", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--only", nargs="*", choices=STORES, default=list(STORES))
    parser.add_argument("--work", type=Path, help="keep the environment and the stores here")
    parser.add_argument("--part", nargs=2, metavar=("VERB", "NAME"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        verb, name = asked.part
        folder = asked.work / name
        found = (fill if verb == "fill" else ask)(name, folder, asked.chunks, asked.queries)
        print(json.dumps(found))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        work = (asked.work or Path(scratch)).resolve()
        return report(work, prepare(work), asked)


def prepare(work: Path) -> Path:
    """Render the project, and install the peers into an environment; gives its interpreter."""
    project, python = work / "rag-system", work / "peers" / "bin" / "python"
    if not project.exists():
        command = [sys.executable, "-m", "mlops_scaffold", "new", "rag-system", str(project), "-y"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", str(python.parents[1])], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", str(python), "numpy", *PEERS]
    subprocess.run(install, check=True)
    return python


def report(work: Path, python: Path, asked: argparse.Namespace) -> int:
    """Run the parts, print the table, compare."""
    rows: dict[str, dict[str, float]] = {}
    columns = ("fill s", "disk MB", "open s", "p50 ms", "CPU ms", "recall", "MiB")
    print(f"{'store':<16}" + "".join(f"{column:>10}" for column in columns), flush=True)
    for name in asked.only:
        try:
            rows[name] = part(work, python, asked, "fill", name)
            rows[name] |= part(work, python, asked, "ask", name)
        except subprocess.CalledProcessError as error:
            print(f"{name:<16}  failed: {error.stderr.strip().splitlines()[-1][:120]}", flush=True)
            rows.pop(name, None)
            continue
        print(f"{name:<16}" + "".join(f"{rows[name][c]:>10.4g}" for c in columns), flush=True)
    if "ours" not in rows:
        return 1
    good = [
        name
        for name, row in rows.items()
        if name not in LIBRARIES and row["recall"] >= GOAL_RECALL and row["p50 ms"] <= GOAL_MS
    ]
    better = [name for name in good if rows[name]["CPU ms"] < rows["ours"]["CPU ms"]]
    print(f"databases that meet the goals: {', '.join(good) or 'none'}")
    print(f"in less CPU time than ours: {', '.join(better) or 'none'}")
    return 0 if "ours" in good and not better else 1


def part(
    work: Path, python: Path, asked: argparse.Namespace, verb: str, name: str
) -> dict[str, float]:
    """One store's half in a process of its own."""
    options = ["--work", work, "--chunks", asked.chunks, "--queries", asked.queries]
    done = subprocess.run(
        [python, __file__, *map(str, options), "--part", verb, name],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ
        | {
            "PYTHONPATH": str(work / "rag-system" / "src"),
            "DO_NOT_TRACK": "true",
            "ANONYMIZED_TELEMETRY": "False",
        },
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def vectors(number: int, seed: int) -> Any:
    """Directions in 500 clusters; shape (number, 384)."""
    import numpy as np

    centres = np.random.default_rng(0).standard_normal((500, SIZE), dtype=np.float32)
    draw = np.random.default_rng(seed)
    found = centres[draw.integers(0, len(centres), number)]
    found = found + 0.7 * draw.standard_normal((number, SIZE), dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def label(number: int) -> str:
    """Of a chunk; neighbours differ."""
    return LABELS[number % len(LABELS)]


def fill(name: str, folder: Path, chunks: int, _: int) -> dict[str, float]:
    """Take all chunks in."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    every = vectors(chunks, seed=1)
    began = time.perf_counter()
    STORES[name][0](folder, every)
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"fill s": seconds, "disk MB": size / 1e6}


def ask(name: str, folder: Path, chunks: int, queries: int) -> dict[str, float]:
    """Open it and search."""
    import numpy as np

    asked = vectors(queries, seed=2)
    began = time.perf_counter()
    search = STORES[name][1](folder)
    search(asked[0])
    opened = time.perf_counter() - began
    wall, cpu, found = [], [], []
    for vector in asked:
        before, started = time.process_time(), time.perf_counter()
        found.append(list(search(vector)))
        wall.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - before))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    every = vectors(chunks, seed=1).astype(float)
    hidden = np.arange(chunks) % len(LABELS) != 0
    right = 0
    for vector, numbers in zip(asked, found, strict=True):
        scores = every @ vector.astype(float)
        scores[hidden] = -np.inf
        right += len(set(np.argsort(-scores)[:CUT].tolist()) & set(numbers))
    return {
        "open s": opened,
        "p50 ms": statistics.median(wall),
        "CPU ms": statistics.median(cpu),
        "recall": right / (CUT * queries),
        "MiB": memory,
    }


def ours_fill(folder: Path, every: Any) -> None:
    """The project's store; ten chunks a document."""
    import numpy as np
    from rag_system.index.embedded import Embedded
    from rag_system.records import Chunk, Document, Entry, SparseVector

    store = Embedded(folder / "index.db", SIZE)
    nothing = SparseVector(np.empty(0, np.int32), np.empty(0, np.float32))
    for first in range(0, len(LABELS) * CUT * (len(every) // (len(LABELS) * CUT) + 1), 30):
        for place, name in enumerate(LABELS):
            numbers = [n for n in range(first + place, first + 30, 3) if n < len(every)]
            identity = f"{first:07}-{place}.md"
            entries = [
                Entry(Chunk(identity, n, 0, len(TEXT), TEXT, "", (0, len(TEXT))), every[n], nothing)
                for n in numbers
            ]
            document = Document(identity, "T", "", "markdown", frozenset({name}), "d")
            store.put(document, entries)


def ours(folder: Path) -> Search:
    """The project's store."""
    import numpy as np
    from rag_system.index.base import Query
    from rag_system.index.embedded import Embedded
    from rag_system.records import Scope, SparseVector

    store = Embedded(folder / "index.db", SIZE)
    nothing = SparseVector(np.empty(0, np.int32), np.empty(0, np.float32))
    scope = Scope(frozenset({LABELS[0]}))
    return lambda vector: [
        hit.chunk.ordinal for hit in store.search(Query(vector, nothing), scope, CUT).dense
    ]


def chroma_fill(folder: Path, every: Any) -> None:
    """Chroma, persistent; HNSW."""
    collection = _chroma(folder)
    for begin in range(0, len(every), BATCH):
        numbers = range(begin, min(begin + BATCH, len(every)))
        collection.add(
            ids=[str(n) for n in numbers],
            embeddings=every[begin : begin + BATCH],
            documents=[TEXT] * len(numbers),
            metadatas=[{"label": label(n)} for n in numbers],
        )


def chroma(folder: Path) -> Search:
    """Chroma."""
    collection = _chroma(folder)

    def search(vector: Any) -> list[int]:
        found = collection.query(
            query_embeddings=[vector], n_results=CUT, where={"label": LABELS[0]}
        )
        return [int(each) for each in found["ids"][0]]

    return search


def _chroma(folder: Path) -> Any:
    import chromadb

    client = chromadb.PersistentClient(str(folder))
    return client.get_or_create_collection(
        "chunks", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
    )


def lance_fill(folder: Path, every: Any) -> None:
    """LanceDB with an IVF index and one of the labels."""
    table = _lance_flat(folder, every)
    table.create_index(metric="cosine", vector_column_name="vector")
    table.create_scalar_index("label", index_type="BITMAP")


def lance_flat_fill(folder: Path, every: Any) -> None:
    """LanceDB without an index."""
    _lance_flat(folder, every)


def _lance_flat(folder: Path, every: Any) -> Any:
    import lancedb

    rows = [
        {"n": n, "label": label(n), "text": TEXT, "vector": vector}
        for n, vector in enumerate(every)
    ]
    return lancedb.connect(str(folder)).create_table("c", rows)


def lance(folder: Path) -> Search:
    """LanceDB, with the filter before the search."""
    import lancedb

    table = lancedb.connect(str(folder)).open_table("c")

    def search(vector: Any) -> list[int]:
        wanted = table.search(vector).distance_type("cosine").limit(CUT)
        found = wanted.where(f"label = '{LABELS[0]}'", prefilter=True).to_list()
        return [row["n"] for row in found]

    return search


def milvus_fill(folder: Path, every: Any) -> None:
    """Milvus Lite; its default index."""
    client = _milvus(folder)
    client.create_collection("c", dimension=SIZE, metric_type="COSINE")
    for begin in range(0, len(every), BATCH):
        client.insert(
            "c",
            [
                {"id": n, "vector": every[n].tolist(), "label": label(n), "text": TEXT}
                for n in range(begin, min(begin + BATCH, len(every)))
            ],
        )


def milvus(folder: Path) -> Search:
    """Milvus Lite."""
    client = _milvus(folder)
    client.load_collection("c")

    def search(vector: Any) -> list[int]:
        [found] = client.search(
            "c",
            [vector.tolist()],
            filter=f'label == "{LABELS[0]}"',
            limit=CUT,
            output_fields=["text"],
        )
        return [int(each["id"]) for each in found]

    return search


def _milvus(folder: Path) -> Any:
    from pymilvus import MilvusClient

    return MilvusClient(str(folder / "milvus.db"))


def usearch_fill(folder: Path, every: Any) -> None:
    """Usearch's HNSW; texts and labels lie beside it, for it has none."""
    import numpy as np
    from usearch.index import Index

    index = Index(ndim=SIZE, metric="cos", dtype="f32")
    index.add(np.arange(len(every)), every)
    index.save(str(folder / "c.usearch"))


def usearch(folder: Path) -> Search:
    """Usearch; it can't filter, so it is asked for ten times as many, which are filtered then."""
    from usearch.index import Index

    index = Index.restore(str(folder / "c.usearch"), view=False)

    def search(vector: Any) -> list[int]:
        keys = index.search(vector, 10 * CUT).keys.tolist()
        return [key for key in keys if label(key) == LABELS[0]][:CUT]

    return search


def faiss_fill(folder: Path, every: Any) -> None:
    """Faiss, HNSW."""
    import faiss

    index = faiss.IndexHNSWFlat(SIZE, 32, faiss.METRIC_INNER_PRODUCT)
    index.add(every)
    faiss.write_index(index, str(folder / "c.faiss"))


def faiss_hnsw(folder: Path) -> Search:
    """Faiss, filtered by a bitmap while it searches."""
    import faiss
    import numpy as np

    index = faiss.read_index(str(folder / "c.faiss"))
    admitted = np.flatnonzero(np.arange(index.ntotal) % len(LABELS) == 0)
    wanted = faiss.SearchParametersHNSW(sel=faiss.IDSelectorBatch(admitted), efSearch=64)
    return lambda vector: index.search(vector[None], CUT, params=wanted)[1][0].tolist()


def qdrant_fill(folder: Path, every: Any) -> None:
    """Qdrant's local mode."""
    from qdrant_client import models

    client = _qdrant(folder)
    size = models.VectorParams(size=SIZE, distance=models.Distance.COSINE)
    client.create_collection("c", vectors_config=size)
    for begin in range(0, len(every), BATCH):
        client.upsert(
            "c",
            [
                models.PointStruct(
                    id=n, vector=every[n].tolist(), payload={"label": label(n), "text": TEXT}
                )
                for n in range(begin, min(begin + BATCH, len(every)))
            ],
        )
    client.close()


def qdrant(folder: Path) -> Search:
    """Qdrant's local mode."""
    from qdrant_client import models

    client = _qdrant(folder)
    wanted = models.Filter(
        must=[models.FieldCondition(key="label", match=models.MatchValue(value=LABELS[0]))]
    )
    return lambda vector: [
        int(point.id)
        for point in client.query_points(
            "c", query=vector.tolist(), query_filter=wanted, limit=CUT
        ).points
    ]


def _qdrant(folder: Path) -> Any:
    from qdrant_client import QdrantClient

    return QdrantClient(path=str(folder))


STORES: dict[str, tuple[Callable[[Path, Any], None], Callable[[Path], Search]]] = {
    "ours": (ours_fill, ours),
    "chroma": (chroma_fill, chroma),
    "lancedb": (lance_fill, lance),
    "lancedb-flat": (lance_flat_fill, lance),
    "milvus-lite": (milvus_fill, milvus),
    "usearch": (usearch_fill, usearch),
    "faiss-hnsw": (faiss_fill, faiss_hnsw),
    "qdrant-local": (qdrant_fill, qdrant),
}

if __name__ == "__main__":
    sys.exit(main())
