"""Updates the index from a folder of documents; an interrupted run is resumed by the next one."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..index.base import Store
from ..records import Chunk, Document, Entry, UserError
from ..settings import ChunkerName, Settings
from ..text.embed import Embedder
from ..text.sparse import chunk_vector
from .access import load_access_rules
from .chunk import chunk_document
from .parse import KINDS, ParseError, parse

_FORMAT = 1
"""Increase it when the code that chunks or encodes changes, so that everything is re-indexed."""


@dataclass(frozen=True, slots=True)
class IngestConfig:
    """How documents are turned into index entries.

    Attributes:
        chunker: The chunker.
        words: The maximum words in a chunk.
        embedder: The embedding model's name.
        format: The version of the code that chunks and encodes.
    """

    chunker: ChunkerName
    words: int
    embedder: str
    format: int = _FORMAT

    @classmethod
    def from_settings(cls, settings: Settings, embedder: str) -> "IngestConfig":
        """Take the values from the settings."""
        return cls(settings.chunker, settings.chunk_words, embedder)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to ingest, with its access labels and digest."""

    id: str
    path: Path
    labels: frozenset[str]
    digest: str


@dataclass(frozen=True, slots=True)
class EncodingResult:
    """An encoded document, or the problem that prevented it."""

    source: Source
    document: Document | None = None
    entries: tuple[Entry, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes that bring the index up to date."""

    put: tuple[Source, ...]
    delete: tuple[str, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What an ingestion did.

    Attributes:
        indexed: The number of new or changed documents written.
        deleted: The number of documents deleted because their file is gone.
        unchanged: The number of documents left as they are.
        chunks: The number of chunks written.
        problems: Why a document could not be read, by its id. Such a document is removed from the
            index: its old version may be outdated, or visible to people who lost access.
    """

    indexed: int
    deleted: int
    unchanged: int
    chunks: int
    problems: dict[str, str]


Encoder = Callable[[Iterable[Source]], Iterator[EncodingResult]]
"""Encodes documents, here or on other machines, in any order."""
Progress = Callable[[int, int, EncodingResult], None]
"""Called after each document with its number, the total, and the result."""


def scan(folder: Path, config: IngestConfig) -> Iterator[Source]:
    """Yield the documents in a folder, ordered by id.

    Raises:
        UserError: The folder doesn't exist, or its access rules can't be read.
    """
    if not folder.is_dir():
        raise UserError(f"no folder of documents at {folder}; set APP_DOCUMENTS_DIR to another one")
    labels_of = load_access_rules(folder)
    files = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*"))
    for document_id, path in sorted(files):
        if path.suffix.lower() in KINDS and path.is_file() and not _hidden(document_id):
            labels = labels_of(document_id)
            yield Source(document_id, path, labels, _digest(path, labels, config))


def _hidden(document_id: str) -> bool:
    return any(part.startswith(".") for part in document_id.split("/"))


def _digest(path: Path, labels: frozenset[str], config: IngestConfig) -> str:
    """Digest everything that determines how a document is indexed."""
    context = json.dumps([sorted(labels), asdict(config)], sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(path.read_bytes()).digest() + context).hexdigest()


def plan(sources: Iterable[Source], manifest: dict[str, str]) -> Plan:
    """Compare the documents with the index."""
    known = dict(manifest)
    put: list[Source] = []
    unchanged = 0
    for source in sources:
        if known.pop(source.id, None) == source.digest:
            unchanged += 1
        else:
            put.append(source)
    return Plan(tuple(put), tuple(sorted(known)), unchanged)


def prepare(source: Source, config: IngestConfig) -> tuple[Document, list[Chunk]]:
    """Parse a document and split it into chunks.

    Raises:
        ParseError: It can't be read.
    """
    try:
        parsed = parse(source.path.name, source.path.read_bytes())
    except OSError as error:
        raise ParseError(str(error)) from error
    kind = KINDS[source.path.suffix.lower()]
    document = Document(source.id, parsed.title, parsed.text, kind, source.labels, source.digest)
    return document, chunk_document(source.id, parsed, config.chunker, config.words)


def encode(source: Source, config: IngestConfig, embedder: Embedder) -> EncodingResult:
    """Parse, chunk and embed a document: the step that takes most of the time."""
    try:
        document, chunks = prepare(source, config)
    except ParseError as error:
        return EncodingResult(source, problem=str(error))
    texts = [chunk.indexed_text for chunk in chunks]
    entries = tuple(
        Entry(chunk, vector, chunk_vector(text))
        for chunk, text, vector in zip(chunks, texts, embedder.embed(texts), strict=True)
    )
    return EncodingResult(source, document, entries)


def encode_locally(config: IngestConfig, embedder: Embedder) -> Encoder:
    """Return an encoder that runs in this process, one document at a time."""
    return lambda sources: (encode(source, config, embedder) for source in sources)


def ingest(
    sources: Iterable[Source], store: Store, encoder: Encoder, progress: Progress | None = None
) -> IngestResult:
    """Bring a store up to date with the documents.

    Args:
        sources: All documents that the store should contain.
        store: The store; new and changed documents are written, all others not in `sources`
            deleted.
        encoder: Parses, chunks and embeds documents.
        progress: Called after each document.
    """
    changes = plan(sources, store.manifest())
    if changes.delete:
        store.delete(changes.delete)
    chunks = 0
    problems: dict[str, str] = {}
    for number, result in enumerate(encoder(changes.put), 1):
        if result.document is None:
            problems[result.source.id] = result.problem
            store.delete([result.source.id])
        else:
            store.put(result.document, result.entries)
            chunks += len(result.entries)
        if progress:
            progress(number, len(changes.put), result)
    indexed = len(changes.put) - len(problems)
    return IngestResult(indexed, len(changes.delete), changes.unchanged, chunks, problems)
