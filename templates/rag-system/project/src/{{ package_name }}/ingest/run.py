"""Brings the index up to date with a folder: whatever interrupts it, the next run goes on."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..index.base import Store
from ..records import Chunk, Document, Entry, UserError
from ..settings import ChunkerName, Settings
from ..text.embed import Embedder
from ..text.sparse import of_chunk
from .access import labelling
from .chunk import cut
from .parse import KINDS, ParseError, parse

_FORMAT = 1
"""Raise it when the code that cuts or encodes has changed, and all is indexed anew."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How documents are turned into entries.

    Attributes:
        chunker: How they are cut.
        words: Most words of a chunk.
        embedder: The embedding model's name.
    """

    chunker: ChunkerName
    words: int
    embedder: str
    format: int = _FORMAT

    @classmethod
    def of(cls, settings: Settings, embedder: str) -> "Recipe":
        """As the settings say."""
        return cls(settings.chunker, settings.chunk_words, embedder)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to take in: where it is, and what is decided about it."""

    id: str
    path: Path
    labels: frozenset[str]
    digest: str


@dataclass(frozen=True, slots=True)
class Work:
    """A document on its way: encoded, or what stands in the way."""

    source: Source
    document: Document | None = None
    entries: tuple[Entry, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes to bring the index up to date."""

    put: tuple[Source, ...]
    delete: tuple[str, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was done.

    Attributes:
        put: Documents taken in, new or changed.
        deleted: Documents that are no longer there.
        unchanged: Documents that were left as they are.
        chunks: Chunks written.
        problems: Why a document could not be read, by its id; it is not in the index, since an
            old version might say what is no longer true to people who no longer may see it.
    """

    put: int
    deleted: int
    unchanged: int
    chunks: int
    problems: dict[str, str]


Encode = Callable[[Iterable[Source]], Iterator[Work]]
"""Turns sources into work; here or on other machines, in any order."""
Progress = Callable[[int, int, Work], None]
"""Called after each document with its number, their number, and what became of it."""


def survey(folder: Path, recipe: Recipe) -> Iterator[Source]:
    """The documents in a folder, in the order of their ids.

    Raises:
        UserError: The folder is not there, or its access rules can't be read.
    """
    if not folder.is_dir():
        raise UserError(f"no folder of documents at {folder}; APP_DOCUMENTS_DIR names another one")
    labels = labelling(folder)
    files = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*"))
    for identity, path in sorted(files):
        if path.suffix.lower() in KINDS and path.is_file() and not _hidden(identity):
            allowed = labels(identity)
            yield Source(identity, path, allowed, _digest(path, allowed, recipe))


def _hidden(identity: str) -> bool:
    return any(part.startswith(".") for part in identity.split("/"))


def _digest(path: Path, labels: frozenset[str], recipe: Recipe) -> str:
    """Of all that decides how a document is indexed."""
    rest = json.dumps([sorted(labels), asdict(recipe)], sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(path.read_bytes()).digest() + rest).hexdigest()


def plan(sources: Iterable[Source], manifest: dict[str, str]) -> Plan:
    """Compare what is there with what is indexed."""
    known = dict(manifest)
    put: list[Source] = []
    unchanged = 0
    for source in sources:
        if known.pop(source.id, None) == source.digest:
            unchanged += 1
        else:
            put.append(source)
    return Plan(tuple(put), tuple(sorted(known)), unchanged)


def prepare(source: Source, recipe: Recipe) -> tuple[Document, list[Chunk]]:
    """Read and cut a document.

    Raises:
        ParseError: It can't be read.
    """
    try:
        parsed = parse(source.path.name, source.path.read_bytes())
    except OSError as error:
        raise ParseError(str(error)) from error
    kind = KINDS[source.path.suffix.lower()]
    document = Document(source.id, parsed.title, parsed.text, kind, source.labels, source.digest)
    return document, cut(source.id, parsed, recipe.chunker, recipe.words)


def encode(source: Source, recipe: Recipe, embedder: Embedder) -> Work:
    """Read, cut and embed a document: the step that takes the time."""
    try:
        document, chunks = prepare(source, recipe)
    except ParseError as error:
        return Work(source, problem=str(error))
    texts = [chunk.searched for chunk in chunks]
    entries = tuple(
        Entry(chunk, vector, of_chunk(text))
        for chunk, text, vector in zip(chunks, texts, embedder.embed(texts), strict=True)
    )
    return Work(source, document, entries)


def here(recipe: Recipe, embedder: Embedder) -> Encode:
    """Encode one document after the other in this process."""
    return lambda sources: (encode(source, recipe, embedder) for source in sources)


def ingest(
    sources: Iterable[Source], store: Store, work: Encode, progress: Progress | None = None
) -> Report:
    """Bring a store up to date with the documents that are there.

    Args:
        sources: All documents that are to be in the store.
        store: Gets what is new or changed, and loses the rest.
        work: Reads, cuts and embeds.
        progress: Is told after each document.
    """
    todo = plan(sources, store.manifest())
    if todo.delete:
        store.delete(todo.delete)
    chunks = 0
    problems: dict[str, str] = {}
    for number, done in enumerate(work(todo.put), 1):
        if done.document is None:
            problems[done.source.id] = done.problem
            store.delete([done.source.id])
        else:
            store.put(done.document, done.entries)
            chunks += len(done.entries)
        if progress:
            progress(number, len(todo.put), done)
    taken = len(todo.put) - len(problems)
    return Report(taken, len(todo.delete), todo.unchanged, chunks, problems)
