"""YAML files read strictly: every mistake names the file, the line and the key.

Line numbers are looked up only when there is a mistake to report, so that reading a correct file
costs no more than parsing it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import yaml

from mlops_scaffold.errors import ScaffoldError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SIZE_LIMIT = 1_000_000  # bytes; a catalog of a hundred projects is a tenth of this
_ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*[\w-]", re.MULTILINE)
# Nesting so deep that the C loader would run out of stack (and take the process with it) needs more
# brackets than any file of ours has, or this on one line.
_DEEP = re.compile(r"(?:[-?:][ \t]+){50}")
_MANY_BRACKETS = 2_000
_MAX_DEPTH = 100
_MAX_VALUES = 50_000
_BASE: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _DuplicateKeyError(Exception):
    """A key appears twice in a mapping; YAML would silently keep the last."""


class _Loader(_BASE):  # type: ignore[misc, valid-type]  # chosen at run time, C where there is C
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len({key.value for key in own}) != len(own):
            seen: set[Any] = set()
            for key in own:
                if key.value in seen:
                    raise _DuplicateKeyError(key.start_mark.line + 1, key.value)
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


# Copier's `!include` is followed by `copier_yml`; as YAML it is an empty document.
_Loader.add_constructor("!include", lambda _loader, _node: None)


@dataclass(frozen=True)
class Node:
    """A value in a YAML file that knows its place.

    Attributes:
        file: The file.
        document: Which document of the file, from 0.
        path: Keys and indexes that lead from the document to the value.
        value: The value, as YAML gives it.
        content: The whole file.
    """

    file: Path
    document: int
    path: tuple[str | int, ...]
    value: Any
    content: str = field(repr=False, compare=False)

    def fail(self, message: str, *, hint: str = "") -> NoReturn:
        """Refuse this value.

        Raises:
            ScaffoldError: Always; its message names file, line and key.
        """
        key = ".".join(map(str, self.path)) or "top level"
        raise ScaffoldError(f"{self.file}, line {self.line()}: {key}: {message}", hint=hint)

    def mapping(self, required: Sequence[str] = (), optional: Sequence[str] = ()) -> Node:
        """This node, which must be a mapping with these keys and no others.

        Raises:
            ScaffoldError: It isn't.
        """
        if not isinstance(self.value, dict):
            self.fail("expected a mapping of keys to values")
        known = (*required, *optional)
        for key in self.value:
            if not isinstance(key, str):
                self.fail(f"key {key!r} must be text")
            if known and key not in known:
                hint = did_you_mean(key, known) or f"known keys: {', '.join(known)}"
                self.child(key).fail("unknown key", hint=hint)
        for key in required:
            if key not in self.value:
                self.fail(f"`{key}` is missing")
        return self

    def child(self, key: str | int) -> Node:
        """The node one level down; its value is None if there is nothing."""
        known = key in self.value if isinstance(self.value, dict) else isinstance(key, int)
        value = self.value[key] if known else None
        return Node(self.file, self.document, (*self.path, key), value, self.content)

    def children(self) -> Iterator[Node]:
        """The nodes of a list.

        Raises:
            ScaffoldError: This is not a list.
        """
        if not isinstance(self.value, list):
            self.fail("expected a list")
        return (self.child(index) for index in range(len(self.value)))

    def entries(self) -> Iterator[tuple[str, Node]]:
        """The keys and nodes of a mapping.

        Raises:
            ScaffoldError: This is not a mapping with text keys.
        """
        return ((key, self.child(key)) for key in self.mapping().value)

    def text(self) -> str:
        """This node, which must be text that says something.

        Raises:
            ScaffoldError: It isn't.
        """
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail("expected some text" + (" (put it in quotes)" if self._scalar() else ""))
        return self.value.strip()

    def integer(self) -> int:
        """This node, which must be a positive whole number.

        Raises:
            ScaffoldError: It isn't.
        """
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 1:
            self.fail("expected a positive whole number")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """This node, which must be a list of different texts (nothing at all is an empty list).

        Raises:
            ScaffoldError: It isn't.
        """
        found: list[str] = []
        for item in () if self.value is None else self.children():
            if item.text() in found:
                item.fail(f"{item.value!r} appears twice in the list")
            found.append(item.text())
        return tuple(found)

    def _scalar(self) -> bool:
        return self.value is not None and not isinstance(self.value, (str, dict, list))

    def line(self) -> int:
        """Line of the value, or of the nearest thing around it that exists."""
        documents = yaml.compose_all(self.content, Loader=_BASE)
        node = list(documents)[self.document]
        line = 0 if node is None else node.start_mark.line
        for key in self.path:
            if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
                node = node.value[key]
                line = node.start_mark.line
                continue
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            pair = next((pair for pair in pairs if pair[0].value == key), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        return int(line) + 1


def read(file: Path, *, aliases: bool = False) -> tuple[Node, ...]:
    """The documents of a YAML file.

    Duplicate keys are refused.

    Args:
        file: The file.
        aliases: Allow anchors and aliases, as far as they unfold to a file of moderate size. Only
            Copier templates need them.

    Raises:
        ScaffoldError: The file can't be read, or isn't the YAML we take.
    """
    try:
        with file.open("rb") as opened:
            return read_stream(opened, file, aliases=aliases)
    except OSError as problem:
        raise ScaffoldError(f"{file}: {problem.strerror or problem}") from None


def read_stream(stream: BinaryIO, file: Path, *, aliases: bool = False) -> tuple[Node, ...]:
    """As `read`, from an open stream; `file` is what messages call it.

    Raises:
        OSError: The stream can't be read.
        ScaffoldError: As `read`.
    """
    raw = stream.read(_SIZE_LIMIT + 1)
    if len(raw) > _SIZE_LIMIT:
        raise ScaffoldError(f"{file}: larger than {_SIZE_LIMIT:,} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise ScaffoldError(f"{file}: not UTF-8 at byte {problem.start}") from None
    values = _parse(text, file, aliases=aliases)
    return tuple(Node(file, index, (), value, text) for index, value in enumerate(values))


def _parse(text: str, file: Path, *, aliases: bool) -> list[Any]:
    try:
        if _ALIAS.search(text) and not aliases:
            _refuse_aliases(file, text)
        if text.count("[") + text.count("{") > _MANY_BRACKETS or _DEEP.search(text):
            _refuse_depth(file, text)
        if _ALIAS.search(text):
            _refuse_huge(file, text)
        return list(yaml.load_all(text, Loader=_Loader))  # a SafeLoader underneath
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = f", line {mark.line + 1}" if mark else ""
        raise ScaffoldError(f"{file}{place}: not valid YAML: {problem.problem}") from None
    except _DuplicateKeyError as problem:
        line, key = problem.args
        raise ScaffoldError(f"{file}, line {line}: {key}: appears twice in the mapping") from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as problem:
        raise ScaffoldError(f"{file}: not valid YAML: {problem}") from None


def _refuse_aliases(file: Path, text: str) -> None:
    for event in yaml.parse(text, Loader=_BASE):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1  # type: ignore[union-attr]  # parsed events have marks
            raise ScaffoldError(f"{file}, line {line}: YAML aliases are not allowed here")


def _refuse_huge(file: Path, text: str) -> None:
    """Refuse a short text whose aliases unfold to a huge one, or to one without an end."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        known = sizes.get(id(node))
        if known == 0:
            line = node.start_mark.line + 1
            raise ScaffoldError(f"{file}, line {line}: a YAML alias that contains itself")
        if known is None:
            sizes[id(node)] = 0  # under way
            parts = [size(part) for part in _parts(node)]
            sizes[id(node)] = known = 1 + sum(parts)
            if known > _MAX_VALUES:
                line = node.start_mark.line + 1
                raise ScaffoldError(
                    f"{file}, line {line}: YAML aliases unfold to more than {_MAX_VALUES:,} values"
                )
        return known

    for document in yaml.compose_all(text, Loader=_BASE):
        if document is not None:
            size(document)


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _refuse_depth(file: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_BASE):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            line = event.start_mark.line + 1  # type: ignore[union-attr]  # parsed events have marks
            raise ScaffoldError(f"{file}, line {line}: nested more than {_MAX_DEPTH} deep")
