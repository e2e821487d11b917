"""Which embedded store should the generated project use? The measurements behind the choice.

    python benchmarks/rag_stores.py [--chunks 50000] [--queries 60] [--only NAME ...] [--work DIR]

Each store ingests the same vectors with their texts and labels, is opened again in its own process,
and is queried for the ten nearest chunks with one of three labels, including their texts. `ours` is
the project's own store: exact search with NumPy over an SQLite file. The others use their default
settings, with an index if their embedded version has one. Vectors form clusters, like those of real
texts; recall is relative to exact search in float64. Two search libraries (`usearch`, `faiss-hnsw`)
show what approximate search could gain: they have no texts, labels or transactions. Prints a table,
and fails if ours misses its goals or if another database meets them in less CPU time.
"""

# ruff: noqa: PLC0415 - each part imports packages that only its own process needs

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
TOP_K = 10
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
"""Maps a vector to the numbers of the chunks found, nearest first."""


def main() -> int:
    """Measure every store; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chunks", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--only", nargs="*", choices=STORES, default=list(STORES))
    parser.add_argument(
        "--work", type=Path, help="keep the environment and the stores in this folder"
    )
    parser.add_argument("--part", nargs=2, metavar=("VERB", "NAME"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        verb, name = args.part
        folder = args.work / name
        found = (fill if verb == "fill" else ask)(name, folder, args.chunks, args.queries)
        print(json.dumps(found))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        work = (args.work or Path(scratch)).resolve()
        return report(work, prepare(work), args)


def prepare(work: Path) -> Path:
    """Render the project and install the peers; returns the interpreter."""
    project, python = work / "rag-system", work / "peers" / "bin" / "python"
    if not project.exists():
        command = [sys.executable, "-m", "mlops_scaffold", "new", "rag-system", str(project), "-y"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", str(python.parents[1])], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", str(python), "numpy", *PEERS]
    subprocess.run(install, check=True)
    return python


def report(work: Path, python: Path, args: argparse.Namespace) -> int:
    """Run the parts, print the table, and compare the stores."""
    rows: dict[str, dict[str, float]] = {}
    columns = ("fill s", "disk MB", "open s", "p50 ms", "CPU ms", "recall", "MiB")
    print(f"{'store':<16}" + "".join(f"{column:>10}" for column in columns), flush=True)
    for name in args.only:
        try:
            rows[name] = part(work, python, args, "fill", name)
            rows[name] |= part(work, python, args, "ask", name)
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
    work: Path, python: Path, args: argparse.Namespace, verb: str, name: str
) -> dict[str, float]:
    """Fill or query one store in its own process."""
    options = ["--work", work, "--chunks", args.chunks, "--queries", args.queries]
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
    """Return unit vectors in 500 clusters; shape (number, 384)."""
    import numpy as np

    centres = np.random.default_rng(0).standard_normal((500, SIZE), dtype=np.float32)
    generator = np.random.default_rng(seed)
    points = centres[generator.integers(0, len(centres), number)]
    points = points + 0.7 * generator.standard_normal((number, SIZE), dtype=np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def label(number: int) -> str:
    """Return a chunk's label; neighbouring chunks differ."""
    return LABELS[number % len(LABELS)]


def fill(name: str, folder: Path, chunks: int, _: int) -> dict[str, float]:
    """Ingest all chunks."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    all_vectors = vectors(chunks, seed=1)
    began = time.perf_counter()
    STORES[name][0](folder, all_vectors)
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"fill s": seconds, "disk MB": size / 1e6}


def ask(name: str, folder: Path, chunks: int, queries: int) -> dict[str, float]:
    """Open the store and search."""
    import numpy as np

    queried = vectors(queries, seed=2)
    began = time.perf_counter()
    search = STORES[name][1](folder)
    search(queried[0])
    opened = time.perf_counter() - began
    wall, cpu, found = [], [], []
    for vector in queried:
        before, started = time.process_time(), time.perf_counter()
        found.append(list(search(vector)))
        wall.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - before))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    all_vectors = vectors(chunks, seed=1).astype(float)
    hidden = np.arange(chunks) % len(LABELS) != 0
    right = 0
    for vector, numbers in zip(queried, found, strict=True):
        scores = all_vectors @ vector.astype(float)
        scores[hidden] = -np.inf
        right += len(set(np.argsort(-scores)[:TOP_K].tolist()) & set(numbers))
    return {
        "open s": opened,
        "p50 ms": statistics.median(wall),
        "CPU ms": statistics.median(cpu),
        "recall": right / (TOP_K * queries),
        "MiB": memory,
    }


def ours_fill(folder: Path, all_vectors: Any) -> None:
    """Fill the project's store, with ten chunks per document."""
    import numpy as np
    from rag_system.index.embedded import EmbeddedStore
    from rag_system.records import Chunk, Document, Entry, SparseVector

    store = EmbeddedStore(folder / "index.db", SIZE)
    no_terms = SparseVector(np.empty(0, np.int32), np.empty(0, np.float32))
    for first in range(
        0, len(LABELS) * TOP_K * (len(all_vectors) // (len(LABELS) * TOP_K) + 1), 30
    ):
        for place, name in enumerate(LABELS):
            numbers = [n for n in range(first + place, first + 30, 3) if n < len(all_vectors)]
            document_id = f"{first:07}-{place}.md"
            entries = [
                Entry(
                    Chunk(document_id, n, 0, len(TEXT), TEXT, "", (0, len(TEXT))),
                    all_vectors[n],
                    no_terms,
                )
                for n in numbers
            ]
            document = Document(document_id, "T", "", "markdown", frozenset({name}), "d")
            store.put(document, entries)


def ours(folder: Path) -> Search:
    """Open the project's store."""
    import numpy as np
    from rag_system.index.base import Query
    from rag_system.index.embedded import EmbeddedStore
    from rag_system.records import Scope, SparseVector

    store = EmbeddedStore(folder / "index.db", SIZE)
    no_terms = SparseVector(np.empty(0, np.int32), np.empty(0, np.float32))
    scope = Scope(frozenset({LABELS[0]}))
    return lambda vector: [
        hit.chunk.ordinal for hit in store.search(Query(vector, no_terms), scope, TOP_K).dense
    ]


def chroma_fill(folder: Path, all_vectors: Any) -> None:
    """Fill Chroma, persistent, with HNSW."""
    collection = _chroma(folder)
    for begin in range(0, len(all_vectors), BATCH):
        numbers = range(begin, min(begin + BATCH, len(all_vectors)))
        collection.add(
            ids=[str(n) for n in numbers],
            embeddings=all_vectors[begin : begin + BATCH],
            documents=[TEXT] * len(numbers),
            metadatas=[{"label": label(n)} for n in numbers],
        )


def chroma(folder: Path) -> Search:
    """Open Chroma."""
    collection = _chroma(folder)

    def search(vector: Any) -> list[int]:
        found = collection.query(
            query_embeddings=[vector], n_results=TOP_K, where={"label": LABELS[0]}
        )
        return [int(each) for each in found["ids"][0]]

    return search


def _chroma(folder: Path) -> Any:
    import chromadb

    client = chromadb.PersistentClient(str(folder))
    return client.get_or_create_collection(
        "chunks", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
    )


def lance_fill(folder: Path, all_vectors: Any) -> None:
    """Fill LanceDB, with an IVF index and a bitmap index of the labels."""
    table = _lance_flat(folder, all_vectors)
    table.create_index(metric="cosine", vector_column_name="vector")
    table.create_scalar_index("label", index_type="BITMAP")


def lance_flat_fill(folder: Path, all_vectors: Any) -> None:
    """Fill LanceDB, without an index."""
    _lance_flat(folder, all_vectors)


def _lance_flat(folder: Path, all_vectors: Any) -> Any:
    import lancedb

    rows = [
        {"n": n, "label": label(n), "text": TEXT, "vector": vector}
        for n, vector in enumerate(all_vectors)
    ]
    return lancedb.connect(str(folder)).create_table("c", rows)


def lance(folder: Path) -> Search:
    """Open LanceDB; it filters before the search."""
    import lancedb

    table = lancedb.connect(str(folder)).open_table("c")

    def search(vector: Any) -> list[int]:
        wanted = table.search(vector).distance_type("cosine").limit(TOP_K)
        found = wanted.where(f"label = '{LABELS[0]}'", prefilter=True).to_list()
        return [row["n"] for row in found]

    return search


def milvus_fill(folder: Path, all_vectors: Any) -> None:
    """Fill Milvus Lite, with its default index."""
    client = _milvus(folder)
    client.create_collection("c", dimension=SIZE, metric_type="COSINE")
    for begin in range(0, len(all_vectors), BATCH):
        client.insert(
            "c",
            [
                {"id": n, "vector": all_vectors[n].tolist(), "label": label(n), "text": TEXT}
                for n in range(begin, min(begin + BATCH, len(all_vectors)))
            ],
        )


def milvus(folder: Path) -> Search:
    """Open Milvus Lite."""
    client = _milvus(folder)
    client.load_collection("c")

    def search(vector: Any) -> list[int]:
        [found] = client.search(
            "c",
            [vector.tolist()],
            filter=f'label == "{LABELS[0]}"',
            limit=TOP_K,
            output_fields=["text"],
        )
        return [int(each["id"]) for each in found]

    return search


def _milvus(folder: Path) -> Any:
    from pymilvus import MilvusClient

    return MilvusClient(str(folder / "milvus.db"))


def usearch_fill(folder: Path, all_vectors: Any) -> None:
    """Fill Usearch's HNSW index; it stores neither texts nor labels."""
    import numpy as np
    from usearch.index import Index

    index = Index(ndim=SIZE, metric="cos", dtype="f32")
    index.add(np.arange(len(all_vectors)), all_vectors)
    index.save(str(folder / "c.usearch"))


def usearch(folder: Path) -> Search:
    """Open Usearch; it can't filter, so ten times as many results are filtered afterwards."""
    from usearch.index import Index

    index = Index.restore(str(folder / "c.usearch"), view=False)

    def search(vector: Any) -> list[int]:
        keys = index.search(vector, 10 * TOP_K).keys.tolist()
        return [key for key in keys if label(key) == LABELS[0]][:TOP_K]

    return search


def faiss_fill(folder: Path, all_vectors: Any) -> None:
    """Fill a Faiss HNSW index."""
    import faiss

    index = faiss.IndexHNSWFlat(SIZE, 32, faiss.METRIC_INNER_PRODUCT)
    index.add(all_vectors)
    faiss.write_index(index, str(folder / "c.faiss"))


def faiss_hnsw(folder: Path) -> Search:
    """Open Faiss; it filters by a selector during the search."""
    import faiss
    import numpy as np

    index = faiss.read_index(str(folder / "c.faiss"))
    admitted = np.flatnonzero(np.arange(index.ntotal) % len(LABELS) == 0)
    wanted = faiss.SearchParametersHNSW(sel=faiss.IDSelectorBatch(admitted), efSearch=64)
    return lambda vector: index.search(vector[None], TOP_K, params=wanted)[1][0].tolist()


def qdrant_fill(folder: Path, all_vectors: Any) -> None:
    """Fill Qdrant's local mode."""
    from qdrant_client import models

    client = _qdrant(folder)
    size = models.VectorParams(size=SIZE, distance=models.Distance.COSINE)
    client.create_collection("c", vectors_config=size)
    for begin in range(0, len(all_vectors), BATCH):
        client.upsert(
            "c",
            [
                models.PointStruct(
                    id=n, vector=all_vectors[n].tolist(), payload={"label": label(n), "text": TEXT}
                )
                for n in range(begin, min(begin + BATCH, len(all_vectors)))
            ],
        )
    client.close()


def qdrant(folder: Path) -> Search:
    """Open Qdrant's local mode."""
    from qdrant_client import models

    client = _qdrant(folder)
    wanted = models.Filter(
        must=[models.FieldCondition(key="label", match=models.MatchValue(value=LABELS[0]))]
    )
    return lambda vector: [
        int(point.id)
        for point in client.query_points(
            "c", query=vector.tolist(), query_filter=wanted, limit=TOP_K
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
