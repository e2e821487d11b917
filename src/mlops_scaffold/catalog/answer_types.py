"""Whether a value answers a question of a given type: checked strictly, where Copier guesses.

Copier turns `flase` into true and 3.7 into 3. Here a value is either what the type says or refused
with what would fit.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import yaml

from mlops_scaffold.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "on", "y", "t", "1"), True),
    **dict.fromkeys(("false", "no", "off", "n", "f", "0"), False),
}
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,1000}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_SHOWN = 60


class MisfitError(ValueError):
    """A value does not answer its question.

    Args:
        reason: What is wrong with it, to be read after the question's name.
        hint: The nearest value that fits, or "".
    """

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def type_of(details: object) -> str:
    """The type that `copier.yml` gives a question, or that Copier infers from its default."""
    given = details.get("type") if isinstance(details, dict) else None
    if given:
        return str(given)
    default = details.get("default") if isinstance(details, dict) else details
    inferred = type(default).__name__
    return inferred if inferred in _PARSERS else "yaml"


def parse(value: Any, type_name: str) -> Any:
    """A new answer as a value of the type: `"5"` is 5 for an `int`.

    Raises:
        MisfitError: It isn't of that type.
    """
    if isinstance(value, str):
        _check_unicode(value)
    parser = _PARSERS.get(type_name)
    if parser is None:
        raise MisfitError(f"the question has an unknown type, {type_name!r}")
    return parser(value)


def parse_recorded(value: Any, type_name: str) -> Any:
    """As `parse`, for an answer that was recorded in an answers file.

    There JSON and YAML are parsed already. A number is taken as text: a question may have changed
    its type from one version to the next.
    """
    if type_name in {"json", "yaml"}:
        return value
    if type_name in {"str", "path"} and isinstance(value, (int, float)):
        value = value if isinstance(value, bool) else str(value)
    return parse(value, type_name)


def split_list(value: Any, choices: Sequence[Any] = ()) -> list[Any]:
    """The items of an answer to a question that takes several.

    Args:
        value: A list, or text: a YAML list (`[a, b]`) or items separated by commas (`a, b`).
        choices: Values to choose from; text that is one of them is not split.

    Raises:
        MisfitError: It is neither.
    """
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise MisfitError(f"{shown(value)} is not a list")
    text = value.strip()
    if not text:
        return []
    if text in choices:
        return [text]
    if text.startswith("["):
        return _parse_flow_list(text)
    return [item.strip() for item in text.split(",")]


def check_choice(value: Any, choices: Sequence[Any]) -> None:
    """Refuse a value that is not one of the choices.

    Raises:
        MisfitError: It isn't.
    """
    if value not in choices:
        names = [each if isinstance(each, str) else shown(each) for each in choices]
        hint = did_you_mean(str(value), names)
        raise MisfitError(f"{shown(value)} is not one of {', '.join(names)}", hint=hint)


def shown(value: Any) -> str:
    """A value as a message shows it: text in quotes, all else as JSON writes it; not too long."""
    as_json = json.dumps(value, default=str, skipkeys=True)
    text = repr(value) if isinstance(value, str) else as_json
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _parse_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    found = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise MisfitError(
            f"{shown(value)} is not true or false (yes, no, on, off, 1 and 0 also fit)"
        )
    return found


def _parse_int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str) or not _WHOLE_NUMBER.fullmatch(value.strip()):
        raise MisfitError(f"{shown(value)} is not a whole number")
    return int(value)


def _parse_float(value: Any) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits and not (isinstance(value, str) and _NUMBER.fullmatch(value.strip())):
        raise MisfitError(f"{shown(value)} is not a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if math.isinf(found) and not isinstance(value, float):
        raise MisfitError(f"{shown(value)} is too large a number")
    return found


def _parse_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    quotes = "" if value is None or isinstance(value, (dict, list)) else ": put it in quotes"
    raise MisfitError(f"{shown(value)} is not text{quotes}")


def _parse_json(value: Any) -> Any:
    if not isinstance(value, str):
        return _storable(value)
    try:
        found = json.loads(value)
    except ValueError as error:
        raise MisfitError(f"{shown(value)} is not valid JSON: {error}") from None
    except RecursionError:
        raise MisfitError(f"{shown(value)} is nested too deeply") from None
    return _storable(found)


def _parse_yaml(value: Any) -> Any:
    if not isinstance(value, str):
        return _storable(value)
    try:
        found = yaml.safe_load(value)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise MisfitError(f"{shown(value)} is not valid YAML: {error.problem}{place}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise MisfitError(f"{shown(value)} is not valid YAML: {error}") from None
    except RecursionError:
        raise MisfitError(f"{shown(value)} is nested too deeply") from None
    return _storable(found)


def _storable(value: Any) -> Any:
    """Refuse what an answers file would give back as something else."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise MisfitError(f"{shown(value)} has a key that is not text: put it in quotes")
        for item in value.values():
            _storable(item)
    elif isinstance(value, list):
        for item in value:
            _storable(item)
    elif isinstance(value, str):
        _check_unicode(value)
    elif value is not None and not isinstance(value, (int, float)):
        kind = type(value).__name__
        raise MisfitError(f"{shown(value)} is a {kind}, which can't be recorded: put it in quotes")
    return value


def _parse_flow_list(text: str) -> list[Any]:
    """The items of a YAML list as they are written, so that each is parsed by its own type."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise MisfitError(f"{shown(text)} is not a valid list: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise MisfitError(f"{shown(text)} is not a valid list: {error}") from None
    if not isinstance(node, yaml.SequenceNode):
        raise MisfitError(f"{shown(text)} is not a list")
    return [
        item.value
        if isinstance(item, yaml.ScalarNode)
        else text[item.start_mark.index : item.end_mark.index]
        for item in node.value
    ]


def _check_unicode(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise MisfitError(f"{shown(value)} is not valid Unicode") from None


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "bool": _parse_bool,
    "float": _parse_float,
    "int": _parse_int,
    "json": _parse_json,
    "path": _parse_text,
    "str": _parse_text,
    "yaml": _parse_yaml,
}
