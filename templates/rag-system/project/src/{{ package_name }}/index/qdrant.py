"""The index in Qdrant: a server for production, or its local mode for tests.

One collection holds chunks, each with a dense and a sparse vector, and documents, which have none.
Qdrant has no transactions, so a document is replaced in an order that survives being interrupted:
new chunks, then the document that names their digest, then the old chunks go. A document counts as
complete when as many chunks of its digest are there as it says.

Qdrant counts how rare a word is over the whole collection: what callers may not see is never found,
but it has a share in the scores of what they see.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from ..records import FIELDS, Chunk, Document, Entry, Found, Hit, Scope, UserError
from ..settings import Settings
from .base import Query

DENSE, SPARSE = "dense", "sparse"
_PAGE = 512
_BATCH = 128
_SECONDS = 30
_META = str(uuid5(NAMESPACE_URL, "meta"))


def connect(settings: Settings, dimensions: int) -> "Qdrant":
    """The store on the server that the settings name.

    Raises:
        UserError: It can't be reached, or holds vectors of another length.
    """
    client = QdrantClient(
        url=settings.qdrant_url,
        api_key=settings.qdrant_key.get_secret_value() or None,
        timeout=_SECONDS,
        check_compatibility=False,  # it asks in a thread, and warns where we are to say an error
    )
    try:
        parts = Parts(settings.qdrant_shards, settings.qdrant_replicas)
        return Qdrant(client, settings.collection, dimensions, parts)
    except (ResponseHandlingException, UnexpectedResponse, OSError) as error:
        raise UserError(f"cannot use Qdrant at {settings.qdrant_url}: {error}") from error


@dataclass(frozen=True, slots=True)
class Parts:
    """How a new collection is spread over a cluster: into shards, each kept so many times."""

    shards: int = 1
    replicas: int = 1


class Qdrant:
    """The index in a Qdrant collection.

    Args:
        client: Of a server or of the local mode.
        collection: Its name; it is made if it isn't there yet.
        dimensions: Length of its dense vectors.
        parts: How to spread it, if it is made.

    Raises:
        UserError: It holds vectors of another length.
    """

    def __init__(
        self,
        client: QdrantClient,
        collection: str,
        dimensions: int,
        parts: Parts = Parts(),
    ) -> None:
        self._client = client
        self._name = collection
        if not client.collection_exists(collection):
            self._create(dimensions, parts)
        found = client.get_collection(collection).config.params.vectors
        size = found[DENSE].size if isinstance(found, dict) and DENSE in found else None
        if size != dimensions:
            raise UserError(
                f"the collection {collection} holds vectors of length {size}, not {dimensions}: it "
                "was made with another embedding model. APP_COLLECTION names another one."
            )

    def manifest(self) -> dict[str, str]:
        """Digest of each complete document, by its id."""
        there = Counter(
            (payload["document"], payload["digest"])
            for payload in self._scroll(_of_type("chunk"), ["document", "digest"])
        )
        return {
            payload["document"]: payload["digest"]
            for payload in self._scroll(_of_type("document"), ["document", "digest", "chunks"])
            if there[payload["document"], payload["digest"]] == payload["chunks"]
        }

    def put(self, document: Document, entries: Sequence[Entry]) -> None:
        """Take in a document, in place of what was there under its id."""
        points = [_point(document, entry) for entry in entries]
        for begin in range(0, len(points), _BATCH):
            self._client.upsert(self._name, points[begin : begin + _BATCH], wait=True)
        self._client.upsert(self._name, [_document_point(document, len(entries))], wait=True)
        self._delete(
            models.Filter(
                must=[_equals("type", "chunk"), _equals("document", document.id)],
                must_not=[_equals("digest", document.digest)],
            )
        )
        self._changed()

    def delete(self, documents: Collection[str]) -> None:
        """Forget documents; unknown ids do no harm."""
        if documents:
            self._delete(models.Filter(must=[_one_of("document", documents)]))
            self._changed()

    def search(self, query: Query, scope: Scope, limit: int) -> Found:
        """The best chunks in scope by meaning and by word, at most `limit` of each."""
        wanted = _filter(scope)
        sparse = models.SparseVector(
            indices=query.sparse.terms.tolist(), values=query.sparse.weights.tolist()
        )
        ways: list[tuple[str, Any]] = [(DENSE, query.dense.tolist())]
        if sparse.indices:
            ways.append((SPARSE, sparse))
        requests = [
            models.QueryRequest(
                query=vector, using=using, filter=wanted, limit=limit, with_payload=True
            )
            for using, vector in ways
        ]
        dense, *rest = self._client.query_batch_points(self._name, requests)
        by_word = rest[0].points if rest else []
        return Found(
            tuple(map(_hit, dense.points)),
            tuple(hit for hit in map(_hit, by_word) if hit.score > 0),
        )

    def document(self, identity: str, scope: Scope) -> Document | None:
        """A document, if it is there and in scope."""
        found = self._client.retrieve(self._name, [_document_id(identity)], with_payload=True)
        document = _document(found[0].payload or {}) if found else None
        return document if document and scope.admits(document) else None

    def documents(self, scope: Scope) -> list[Document]:
        """All documents in scope, by id; their text is left out."""
        fields = ["document", "title", "kind", "labels", "digest"]
        every = (_document(payload) for payload in self._scroll(_of_type("document"), fields))
        return sorted((each for each in every if scope.admits(each)), key=lambda each: each.id)

    def generation(self) -> str:
        """Changes whenever the contents do."""
        found = self._client.retrieve(self._name, [_META], with_payload=True)
        return str((found[0].payload or {})["generation"]) if found else ""

    def fingerprint(self) -> str:
        """Digest of all contents."""
        rows = sorted(
            repr(sorted(payload.items()))
            for payload in self._scroll(models.Filter(must_not=[_equals("type", "meta")]))
        )
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _create(self, dimensions: int, parts: Parts) -> None:
        self._client.create_collection(
            self._name,
            vectors_config={
                DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
            },
            shard_number=parts.shards,
            replication_factor=parts.replicas,
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        for field in ("type", "document", "labels", "kind", "folder"):
            self._client.create_payload_index(
                self._name, field, models.PayloadSchemaType.KEYWORD, wait=True
            )

    def _changed(self) -> None:
        """Note a new generation; a point without a vector holds it."""
        payload = {"type": "meta", "generation": uuid4().hex}
        self._client.upsert(
            self._name, [models.PointStruct(id=_META, vector={}, payload=payload)], wait=True
        )

    def _delete(self, wanted: models.Filter) -> None:
        self._client.delete(self._name, models.FilterSelector(filter=wanted), wait=True)

    def _scroll(
        self, wanted: models.Filter, fields: list[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The payloads of all points that pass a filter."""
        offset: Any = None
        while True:
            points, offset = self._client.scroll(
                self._name,
                scroll_filter=wanted,
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
    """A scope as Qdrant takes it. Without any label, nothing may be found."""
    narrowed = (
        _equals(field, value) if field in FIELDS else _one_of("type", ())
        for field, value in sorted(scope.where)
    )
    return models.Filter(
        must=[_equals("type", "chunk"), _one_of("labels", scope.labels), *narrowed]
    )


def _document_id(identity: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"document {identity}"))


def _common(document: Document) -> dict[str, Any]:
    return {
        "document": document.id,
        "title": document.title,
        "kind": document.kind,
        "folder": document.folder,
        "labels": sorted(document.labels),
        "digest": document.digest,
    }


def _document_point(document: Document, chunks: int) -> models.PointStruct:
    payload = {**_common(document), "type": "document", "text": document.text, "chunks": chunks}
    return models.PointStruct(id=_document_id(document.id), vector={}, payload=payload)


def _point(document: Document, entry: Entry) -> models.PointStruct:
    chunk = entry.chunk
    sparse = models.SparseVector(
        indices=entry.sparse.terms.tolist(), values=entry.sparse.weights.tolist()
    )
    return models.PointStruct(
        id=str(uuid5(NAMESPACE_URL, f"chunk {document.id} {document.digest} {chunk.ordinal}")),
        vector={DENSE: entry.dense.tolist(), SPARSE: sparse},
        payload={
            **_common(document),
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
    chunk = Chunk.of([*(payload[name] for name in names), *payload["focus"]])
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
