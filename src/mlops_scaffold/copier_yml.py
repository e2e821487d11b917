"""The questions and settings of a template tree, read from its YAML without running any Jinja."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from mlops_scaffold.errors import ScaffoldError, UsageError

MAX_YAML_BYTES = 1024 * 1024
_CONFIG_NAME = re.compile(r"copier\.ya?ml", re.IGNORECASE)
_ONLY_FOR = re.compile(r"""\{\{\s*template\s*==\s*(['"])([a-z0-9-]+)\1\s*\}\}""")
# Copier settings that neither run code nor read or write outside the project.
HARMLESS_SETTINGS = frozenset(
    {
        *("_min_copier_version", "_subdirectory", "_templates_suffix", "_answers_file"),
        *("_exclude", "_envops", "_secret_questions", "_skip_if_exists"),
        *("_message_before_copy", "_message_after_copy"),
        *("_message_before_update", "_message_after_update"),
    }
)


@dataclass(frozen=True)
class Entry:
    """One top-level key of the configuration, and where it stands."""

    key: str
    value: Any
    file: Path
    line: int

    @property
    def for_template(self) -> str | None:
        """The one template that asks this question, where its `when` says so plainly."""
        when = self.value.get("when") if isinstance(self.value, Mapping) else None
        match = _ONLY_FOR.fullmatch(when.strip()) if isinstance(when, str) else None
        return match[2] if match else None

    @property
    def computed(self) -> bool:
        """Whether it is never asked: its value follows from other answers."""
        return isinstance(self.value, Mapping) and self.value.get("when") is False


def config_file(root: Path) -> Path:
    """The one `copier.yml` of the tree at `root`.

    Raises:
        ScaffoldError: There is none, or more than one.
    """
    found = sorted(path for path in root.iterdir() if _CONFIG_NAME.fullmatch(path.name))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ScaffoldError(
            f"{root} is not a catalog: it needs one copier.yml (found: {names})",
            hint="a catalog is laid out as CONTRIBUTING.md says",
        )
    return found[0]


def entries(root: Path) -> tuple[Entry, ...]:
    """Every top-level key of `copier.yml` and the files it includes, in file order.

    Raises:
        ScaffoldError: A file is missing, too large, not YAML, or lies outside `root`.
    """
    return tuple(_entries(config_file(root), root.resolve(), included=False))


def questions(root: Path) -> dict[str, Entry]:
    """The questions of the tree at `root` by key, in the order they are asked.

    Raises:
        ScaffoldError: As `entries`; or a setting that could run code is used.
    """
    found = entries(root)
    for entry in found:
        if entry.key.startswith("_") and entry.key not in HARMLESS_SETTINGS:
            raise ScaffoldError(
                f"{entry.file.relative_to(root.resolve())}:{entry.line}: the catalog uses"
                f" `{entry.key}`, which is refused: a template may not run code or read files"
                " outside it",
                hint="remove it, then check with: mlops-scaffold catalog lint",
            )
    return {entry.key: entry for entry in found if not entry.key.startswith("_")}


def full_keys(
    known: Mapping[str, Entry], template: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """`given` with short keys (`dataset`) made full (`model_service_dataset`).

    Raises:
        UsageError: A key is unknown or is not asked for this template, or is given twice.
    """
    prefix = template.replace("-", "_") + "_"
    result: dict[str, Any] = {}
    for key, value in given.items():
        full = key if key in known else prefix + key
        asked = [name for name, entry in known.items() if _asked(entry, template)]
        if full not in known:
            raise UsageError(f"{template} has no question {key!r}", hint=_hint(key, asked, prefix))
        if full not in asked:
            reason = "is computed from other answers" if known[full].computed else "is not asked"
            raise UsageError(
                f"{key!r} {reason} for {template}; it can't be set", hint=_hint("", asked, prefix)
            )
        if full in result:
            raise UsageError(f"{key!r} is given twice")
        result[full] = value
    return result


def _asked(entry: Entry, template: str) -> bool:
    return not entry.computed and entry.for_template in {None, template}


def _hint(key: str, asked: list[str], prefix: str) -> str:
    names = [name.removeprefix(prefix) for name in asked if name != "template"]
    close = get_close_matches(key, names, n=1) if key else []
    return f"did you mean {close[0]}?" if close else f"questions: {', '.join(names)}"


class _Loader(yaml.SafeLoader):
    """Knows `!include`, which stays a marker until we follow it ourselves."""


@dataclass(frozen=True)
class _Include:
    pattern: str


_Loader.add_constructor(
    "!include", lambda loader, node: _Include(str(loader.construct_scalar(node)))
)


def _entries(file: Path, root: Path, *, included: bool) -> Iterator[Entry]:
    for document in _documents(file):
        if isinstance(document, _Include):
            if included:
                raise ScaffoldError(f"{file}: an included file may not include another")
            for found in _included(document.pattern, file, root):
                yield from _entries(found, root, included=True)
        elif isinstance(document, list):
            yield from (entry for entry in document)
        elif document is not None:
            raise ScaffoldError(f"{file}: expected `key: value` lines")


def _included(pattern: str, file: Path, root: Path) -> Iterator[Path]:
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise ScaffoldError(f"{file}: `!include {pattern}` leaves the catalog")
    for found in sorted(root.glob(pattern)):
        if not found.resolve().is_relative_to(root):
            raise ScaffoldError(f"{file}: `!include {pattern}` leaves the catalog through {found}")
        yield found


def _documents(file: Path) -> Iterator[Any]:
    """The YAML documents of `file`; a mapping becomes a list of entries with their lines."""
    content = _read(file)
    try:
        loader = _Loader(content)
        while loader.check_node():
            node = loader.get_node()
            if not isinstance(node, yaml.MappingNode):
                yield loader.construct_document(node)
                continue
            lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
            data = loader.construct_document(node)
            yield [Entry(str(k), v, file, lines.get(str(k), 0)) for k, v in data.items()]
    except (yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{file}:{mark.line + 1}" if mark else str(file)
        problem = getattr(error, "problem", None) or error
        raise ScaffoldError(f"{at}: not valid YAML: {problem}") from error


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_YAML_BYTES + 1)
        if len(raw) > MAX_YAML_BYTES:
            raise ScaffoldError(f"{file} is larger than {MAX_YAML_BYTES} bytes")
        return raw.decode()
    except OSError as error:
        raise ScaffoldError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScaffoldError(f"{file} is not UTF-8 text (byte {error.start})") from error
