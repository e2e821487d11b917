"""The index in Qdrant: a server in production, its local mode in tests.

One collection holds both chunks, with a dense and a sparse vector each, and documents, without
vectors. Qdrant has no transactions, so a document is replaced in an order that survives an
interruption: write the new chunks, then the document with its new digest, then delete the old
chunks. A document is complete when its chunks with that digest are as many as it says.

Qdrant computes IDF over the whole collection. Callers never find what they may not see, but hidden
chunks do influence the scores of visible ones.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from ..records import FIELDS, Chunk, Document, Entry, Hit, Scope, SearchResults, UserError
from ..settings import Settings
from .base import Query

DENSE, SPARSE = "dense", "sparse"
_PAGE = 512
_BATCH = 128
_TIMEOUT_SECONDS = 30
_META = str(uuid5(NAMESPACE_URL, "meta"))


def connect(settings: Settings, dimensions: int) -> "QdrantStore":
    """Open the store on the server that the settings name.

    Raises:
        UserError: It can't be reached, or its vectors have another dimension.
    """
    client = QdrantClient(
        url=settings.qdrant_url,
        api_key=settings.qdrant_key.get_secret_value() or None,
        timeout=_TIMEOUT_SECONDS,
        check_compatibility=False,  # it runs in a thread and only warns; we raise an error instead
    )
    try:
        sharding = Sharding(settings.qdrant_shards, settings.qdrant_replicas)
        return QdrantStore(client, settings.collection, dimensions, sharding)
    except (ResponseHandlingException, UnexpectedResponse, OSError) as error:
        raise UserError(f"cannot use Qdrant at {settings.qdrant_url}: {error}") from error


@dataclass(frozen=True, slots=True)
class Sharding:
    """How a new collection is distributed over a cluster: number of shards, copies of each."""

    shards: int = 1
    replicas: int = 1


class QdrantStore:
    """The index in a Qdrant collection.

    Args:
        client: A client of a server, or of the local mode.
        collection: The collection's name; it is created if it doesn't exist.
        dimensions: Dimensions of the dense vectors.
        sharding: How to distribute a new collection.

    Raises:
        UserError: The collection's vectors have another dimension.
    """

    def __init__(
        self,
        client: QdrantClient,
        collection: str,
        dimensions: int,
        sharding: Sharding = Sharding(),
    ) -> None:
        self._client = client
        self._name = collection
        if not client.collection_exists(collection):
            self._create(dimensions, sharding)
        vectors = client.get_collection(collection).config.params.vectors
        size = vectors[DENSE].size if isinstance(vectors, dict) and DENSE in vectors else None
        if size != dimensions:
            raise UserError(
                f"the collection {collection} has vectors of length {size}, not {dimensions}: it "
                "was created with another embedding model. Set APP_COLLECTION to another name."
            )

    def manifest(self) -> dict[str, str]:
        """Return the digest of each complete document, by its id."""
        chunk_counts = Counter(
            (payload["document"], payload["digest"])
            for payload in self._scroll(_of_type("chunk"), ["document", "digest"])
        )
        return {
            payload["document"]: payload["digest"]
            for payload in self._scroll(_of_type("document"), ["document", "digest", "chunks"])
            if chunk_counts[payload["document"], payload["digest"]] == payload["chunks"]
        }

    def put(self, document: Document, entries: Sequence[Entry]) -> None:
        """Add a document, or replace the one with its id."""
        points = [_point(document, entry) for entry in entries]
        for start in range(0, len(points), _BATCH):
            self._client.upsert(self._name, points[start : start + _BATCH], wait=True)
        self._client.upsert(self._name, [_document_point(document, len(entries))], wait=True)
        self._delete(
            models.Filter(
                must=[_equals("type", "chunk"), _equals("document", document.id)],
                must_not=[_equals("digest", document.digest)],
            )
        )
        self._new_generation()

    def delete(self, documents: Collection[str]) -> None:
        """Delete documents; unknown ids are ignored."""
        if documents:
            self._delete(models.Filter(must=[_one_of("document", documents)]))
            self._new_generation()

    def search(self, query: Query, scope: Scope, limit: int) -> SearchResults:
        """Return the best chunks in scope, at most `limit` each by dense and by sparse search."""
        condition = _filter(scope)
        sparse = models.SparseVector(
            indices=query.sparse.terms.tolist(), values=query.sparse.weights.tolist()
        )
        vectors: list[tuple[str, Any]] = [(DENSE, query.dense.tolist())]
        if sparse.indices:
            vectors.append((SPARSE, sparse))
        requests = [
            models.QueryRequest(
                query=vector, using=using, filter=condition, limit=limit, with_payload=True
            )
            for using, vector in vectors
        ]
        dense, *rest = self._client.query_batch_points(self._name, requests)
        sparse_points = rest[0].points if rest else []
        return SearchResults(
            tuple(map(_hit, dense.points)),
            tuple(hit for hit in map(_hit, sparse_points) if hit.score > 0),
        )

    def document(self, document_id: str, scope: Scope) -> Document | None:
        """Return a document, or None if it doesn't exist or is out of scope."""
        found = self._client.retrieve(self._name, [_point_id(document_id)], with_payload=True)
        document = _document(found[0].payload or {}) if found else None
        return document if document and scope.admits(document) else None

    def documents(self, scope: Scope) -> list[Document]:
        """Return all documents in scope, ordered by id and without their text."""
        fields = ["document", "title", "kind", "labels", "digest"]
        documents = (_document(payload) for payload in self._scroll(_of_type("document"), fields))
        return sorted((each for each in documents if scope.admits(each)), key=lambda each: each.id)

    def generation(self) -> str:
        """Return an id that changes with the contents."""
        found = self._client.retrieve(self._name, [_META], with_payload=True)
        return str((found[0].payload or {})["generation"]) if found else ""

    def fingerprint(self) -> str:
        """Return a digest of all contents."""
        rows = sorted(
            repr(sorted(payload.items()))
            for payload in self._scroll(models.Filter(must_not=[_equals("type", "meta")]))
        )
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _create(self, dimensions: int, sharding: Sharding) -> None:
        self._client.create_collection(
            self._name,
            vectors_config={
                DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
            },
            shard_number=sharding.shards,
            replication_factor=sharding.replicas,
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        for field in ("type", "document", "labels", "kind", "folder"):
            self._client.create_payload_index(
                self._name, field, models.PayloadSchemaType.KEYWORD, wait=True
            )

    def _new_generation(self) -> None:
        """Record that the contents have changed, in a point without a vector."""
        payload = {"type": "meta", "generation": uuid4().hex}
        self._client.upsert(
            self._name, [models.PointStruct(id=_META, vector={}, payload=payload)], wait=True
        )

    def _delete(self, condition: models.Filter) -> None:
        self._client.delete(self._name, models.FilterSelector(filter=condition), wait=True)

    def _scroll(
        self, condition: models.Filter, fields: list[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the payloads of all points that match a filter."""
        offset: Any = None
        while True:
            points, offset = self._client.scroll(
                self._name,
                scroll_filter=condition,
                limit=_PAGE,
                offset=offset,
                with_payload=fields or True,
            )
            yield from (point.payload or {} for point in points)
            if offset is None:
                return


def _equals(field: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def _one_of(field: str, values: Collection[str]) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchAny(any=sorted(values)))


def _of_type(name: str) -> models.Filter:
    return models.Filter(must=[_equals("type", name)])


def _filter(scope: Scope) -> models.Filter:
    """Translate a scope into a Qdrant filter; a scope without labels matches nothing."""
    filters = (
        _equals(field, value) if field in FIELDS else _one_of("type", ())
        for field, value in sorted(scope.where)
    )
    return models.Filter(must=[_equals("type", "chunk"), _one_of("labels", scope.labels), *filters])


def _point_id(document_id: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"document {document_id}"))


def _shared_payload(document: Document) -> dict[str, Any]:
    return {
        "document": document.id,
        "title": document.title,
        "kind": document.kind,
        "folder": document.folder,
        "labels": sorted(document.labels),
        "digest": document.digest,
    }


def _document_point(document: Document, chunks: int) -> models.PointStruct:
    payload = {
        **_shared_payload(document),
        "type": "document",
        "text": document.text,
        "chunks": chunks,
    }
    return models.PointStruct(id=_point_id(document.id), vector={}, payload=payload)


def _point(document: Document, entry: Entry) -> models.PointStruct:
    chunk = entry.chunk
    sparse = models.SparseVector(
        indices=entry.sparse.terms.tolist(), values=entry.sparse.weights.tolist()
    )
    return models.PointStruct(
        id=str(uuid5(NAMESPACE_URL, f"chunk {document.id} {document.digest} {chunk.ordinal}")),
        vector={DENSE: entry.dense.tolist(), SPARSE: sparse},
        payload={
            **_shared_payload(document),
            "type": "chunk",
            "ordinal": chunk.ordinal,
            "start": chunk.start,
            "end": chunk.end,
            "text": chunk.text,
            "heading": chunk.heading,
            "focus": list(chunk.focus),
        },
    )


def _hit(point: models.ScoredPoint) -> Hit:
    payload = point.payload or {}
    names = ("document", "ordinal", "start", "end", "text", "heading")
    chunk = Chunk.from_row([*(payload[name] for name in names), *payload["focus"]])
    return Hit(chunk, payload["title"], point.score)


def _document(payload: dict[str, Any]) -> Document:
    return Document(
        payload["document"],
        payload["title"],
        payload.get("text", ""),
        payload["kind"],
        frozenset(payload["labels"]),
        payload["digest"],
    )
