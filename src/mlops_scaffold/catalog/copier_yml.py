"""A tree's `copier.yml` and what it includes, read as Copier does but without running Jinja."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mlops_scaffold.catalog import answer_types, settings, yamlfile
from mlops_scaffold.errors import ScaffoldError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_scaffold.catalog.yamlfile import Node

_NAME = re.compile(r"copier\.ya?ml", re.IGNORECASE)
# With whatever delimiters `_envops` sets.
_ONLY_FOR = re.compile(r"""[^\w\s]{2,3}\s*template\s*==\s*(['"])([a-z0-9-]+)\1\s*[^\w\s]{2,3}""")
_JINJA = re.compile(r"[{<\[(]\W")  # also with the delimiters that `_envops` may set
# Settings that neither run code nor read or write outside the project. All others are refused.
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
    """One top-level key: a question, or a setting where it starts with an underscore."""

    key: str
    node: Node

    @property
    def value(self) -> Any:
        """The value, as YAML gives it."""
        return self.node.value

    @property
    def is_setting(self) -> bool:
        """Whether it configures Copier instead of asking something."""
        return self.key.startswith("_")

    @property
    def when(self) -> Any:
        """The question's condition; True where it has none."""
        return self.value.get("when", True) if isinstance(self.value, Mapping) else True

    @property
    def computed(self) -> bool:
        """Whether it is never asked: its value follows from other answers."""
        return self.when is False

    @property
    def only_for(self) -> str | None:
        """The one template that asks it, if its `when` says so in plain form."""
        match = _ONLY_FOR.fullmatch(self.when.strip()) if isinstance(self.when, str) else None
        return match[2] if match else None

    def asked_by(self, template: str) -> bool:
        """Whether `template` asks it, as far as is known without running Jinja."""
        return not self.computed and self.only_for in {None, template}


def is_config(path: Path) -> bool:
    """Whether Copier takes a file for its configuration."""
    return bool(_NAME.fullmatch(path.name)) and path.is_file()


def config_file(root: Path) -> Path:
    """The one `copier.yml` of the tree at `root`.

    Raises:
        ScaffoldError: There is none, or more than one.
    """
    try:
        found = sorted(filter(is_config, root.iterdir()))
    except OSError as error:
        raise ScaffoldError(f"cannot read {root}: {error.strerror}") from error
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ScaffoldError(
            f"a catalog needs one copier.yml; {root} has {names}",
            hint="check it with: mlops-scaffold catalog lint",
        )
    return found[0]


def entries(root: Path) -> tuple[Entry, ...]:
    """Every top-level key of `copier.yml` and the files it includes, in file order.

    Raises:
        ScaffoldError: A file is missing, too large, not the YAML we take, or outside `root`.
    """
    return tuple(_unfolded(config_file(root), root, ()))


def questions(root: Path) -> dict[str, Entry]:
    """The questions of the tree at `root` by key, in the order they are asked.

    Raises:
        ScaffoldError: As `entries`; or a setting is used that could run code or read elsewhere.
    """
    found = entries(root)
    refused = [e for e in found if e.is_setting and e.key not in HARMLESS_SETTINGS and e.value]
    if refused:
        worst = min(refused, key=lambda entry: settings.severity(entry.key))
        settings.refuse(worst.key, worst.node)
    for entry in found:
        if entry.key == "_answers_file":
            settings.check_answers_file(entry.node)
    return {entry.key: entry for entry in found if not entry.is_setting}


def full_keys(
    known: Mapping[str, Entry], template: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """`given` with short keys (`dataset`) made full (`model_service_dataset`).

    Raises:
        UsageError: A key is unknown, isn't asked for this template, or is given twice.
    """
    prefix = template.replace("-", "_") + "_"
    owner = template or "the template"
    asked = [key for key, entry in known.items() if entry.asked_by(template)]
    names = [key.removeprefix(prefix) for key in asked if key != "template"]
    result: dict[str, Any] = {}
    for key, value in given.items():
        full = key if key in known else prefix + key
        listed = f"its questions: {', '.join(names)}"
        if full not in known:
            hint = did_you_mean(key, names) or listed
            raise UsageError(f"{owner} has no question {key!r}", hint=hint)
        if full not in asked:
            reason = "follows from other answers" if known[full].computed else "is not asked"
            raise UsageError(f"{key!r} {reason} in {owner}: it can't be set", hint=listed)
        if full in result:
            raise UsageError(f"{full!r} is given twice")
        _check_plain(known[full], value)
        result[full] = value
    return result


def _check_plain(entry: Entry, value: Any) -> None:
    """Refuse what can't fit, as far as that is known without running Jinja.

    This happens before any question is asked. The rest is checked when a question is.
    """
    details = entry.value if isinstance(entry.value, Mapping) else {}
    type_name = answer_types.type_of(entry.value)
    choices = details.get("choices") or ()
    plain = isinstance(choices, list) and all(isinstance(each, str) for each in choices)
    if _JINJA.search(type_name) or (choices and not (plain and type_name == "str")):
        return
    if any(_JINJA.search(each) for each in choices):
        return
    try:
        several = details.get("multiselect") is True
        for item in answer_types.split_list(value, choices) if several else [value]:
            parsed = answer_types.parse(item, type_name)
            if choices:
                answer_types.check_choice(parsed, choices)
    except answer_types.MisfitError as error:
        raise UsageError(f"{entry.key}: {error.reason}", hint=error.hint) from None


def _unfolded(file: Path, root: Path, above: tuple[Path, ...]) -> Iterator[Entry]:
    """The entries of a file, then those of what it includes."""
    if file in above:
        raise ScaffoldError(f"{file}: it includes itself")
    yield from _entries(file)  # first of all: this is where broken YAML is found
    for pattern in _includes(file):
        for included in _matching(pattern, file, root):
            yield from _unfolded(included, root, (*above, file))


def _entries(file: Path) -> Iterator[Entry]:
    for document in yamlfile.read(file, aliases=True):
        if document.value is not None:
            yield from (Entry(key, node) for key, node in document.entries())


def _includes(file: Path) -> Iterator[str]:
    """The patterns that `file` includes, each of them a document of its own."""
    depth = 0
    for event in _events(file):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.tag == "!include":
            if depth:
                line = event.start_mark.line + 1  # type: ignore[union-attr]  # parsed ones have marks
                raise ScaffoldError(f"{file}, line {line}: `!include` must be its own document")
            yield event.value


def _events(file: Path) -> Iterator[Any]:
    """The parser's events; Copier uses the same parser, which is stricter than the fast one."""
    try:
        yield from yaml.parse(file.read_text("utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = f", line {mark.line + 1}" if mark else ""
        raise ScaffoldError(f"{file}{place}: not valid YAML: {problem.problem}") from None


def _matching(pattern: str, file: Path, root: Path) -> Iterator[Path]:
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise ScaffoldError(f"{file}: `!include {pattern}` leaves the catalog")
    for found in sorted(root.glob(pattern)):
        if not found.resolve().is_relative_to(root.resolve()):
            raise ScaffoldError(f"{file}: `!include {pattern}` leaves the catalog by {found}")
        yield found
