"""Values are of their question's type, or refused with what would fit."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_scaffold.catalog import answer_types
from mlops_scaffold.catalog.answer_types import MisfitError

FITTING: list[tuple[str, Any, Any]] = [
    *(("bool", text, True) for text in ("true", "True", "YES", "on", "y", "t", "1", " yes ")),
    *(("bool", text, False) for text in ("false", "no", "Off", "n", "f", "0")),
    *(("bool", value, bool(value)) for value in (True, False, 1, 0)),
    *(("int", value, 7) for value in ("7", "+7", " 7 ", "007", 7, 7.0)),
    ("int", "-3", -3),
    *(("float", value, 0.5) for value in ("0.5", ".5", "5e-1", 0.5)),
    *(("float", value, 3.0) for value in ("3", "3.", 3)),
    *(("str", text, text) for text in ("", "3.10", "no", "null", "a\nb", "é")),
    ("path", "a/b", "a/b"),
    ("json", "[1, 2]", [1, 2]),
    ("json", '"a"', "a"),
    ("json", "{}", {}),
    ("json", {"a": [1]}, {"a": [1]}),
    ("json", [], []),
    ("json", None, None),
    ("json", 3, 3),
    ("json", True, True),
    ("yaml", "[a, 1]", ["a", 1]),
    ("yaml", "a: b", {"a": "b"}),
    ("yaml", {"a": None}, {"a": None}),
    ("yaml", [1.5], [1.5]),
    ("yaml", False, False),
    ("yaml", "", None),
]


@pytest.mark.parametrize(("type_name", "value", "expected"), FITTING)
def test_what_fits_becomes_a_value_of_the_type(type_name: str, value: Any, expected: Any) -> None:
    found = answer_types.parse(value, type_name)
    assert found == expected
    assert type(found) is type(expected)


MISFITS: list[tuple[str, Any, str]] = [
    *(("bool", value, "is not true or false") for value in ("flase", "", "2", "yess", "none")),
    *(("bool", value, "is not true or false") for value in (2, 1.0)),
    ("bool", None, "is not true or false"),
    ("bool", {"a": 1}, "is not true or false"),
    *(("int", value, "is not a whole number") for value in ("3.7", "1e3", "", "1_000", "٣")),
    *(("int", value, "is not a whole number") for value in (3.7, True, float("inf"))),
    ("int", None, "is not a whole number"),
    ("int", [1], "is not a whole number"),
    *(("float", value, "is not a number") for value in ("1,5", "nan", "", "1_0")),
    ("float", True, "is not a number"),
    ("float", None, "is not a number"),
    ("float", 10**400, "too large"),
    ("float", "1e999", "too large"),
    *(("str", value, "is not text: put it in quotes") for value in (3.1, 8, True)),
    ("str", dt.date(2026, 1, 2), "is not text: put it in quotes"),
    ("str", None, "null is not text"),
    ("str", ["a"], "is not text"),
    ("str", {"a": 1}, "is not text"),
    ("str", "\udcff", "is not valid Unicode"),
    ("path", 3, "is not text"),
    *(("json", text, "is not valid JSON") for text in ("{", "abc", "", "{'a': 1}", "[1,]")),
    ("json", '"\\ud800"', "is not valid Unicode"),
    *(("yaml", text, "is not valid YAML") for text in ("[1", "a: b: c", "{", "\t- a")),
    ("yaml", "2026-01-02", "is a date"),
    ("yaml", "a: 2026-01-02", "is a date"),
    ("yaml", "1: a", "a key that is not text"),
    ("yaml", "[" * 3000, "nested too deeply|not valid YAML"),
    ("json", "[" * 200_000, "nested too deeply|not valid JSON"),
    ("number", "3", "unknown type, 'number'"),
]


@pytest.mark.parametrize(("type_name", "value", "said"), MISFITS)
def test_what_does_not_fit_is_refused_and_shown(type_name: str, value: Any, said: str) -> None:
    with pytest.raises(MisfitError, match=said) as caught:
        answer_types.parse(value, type_name)
    assert len(caught.value.reason) < 250


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
@pytest.mark.parametrize("type_name", ["json", "yaml"])
def test_recorded_structures_are_not_parsed_again(type_name: str, value: Any) -> None:
    assert answer_types.parse_recorded(value, type_name) == value


def test_a_recorded_number_answers_a_question_that_now_takes_text() -> None:
    assert answer_types.parse_recorded(8080, "str") == "8080"
    with pytest.raises(MisfitError):
        answer_types.parse_recorded(True, "str")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ruff", ["ruff"]),
        ("ruff, mypy", ["ruff", "mypy"]),
        ("[ruff, mypy]", ["ruff", "mypy"]),
        ("['a, b', \"3.10\", 3.10]", ["a, b", "3.10", "3.10"]),
        ("a, b", ["a, b"]),
        ("", []),
        ("[]", []),
        (["x", 1], ["x", 1]),
    ],
)
def test_several_answers_are_a_list_or_separated_by_commas(value: Any, expected: Any) -> None:
    assert answer_types.split_list(value, ["a, b"]) == expected


@pytest.mark.parametrize("value", ["[a", "[a]]", 5, None, {"a": 1}, "[a: [}"])
def test_what_is_not_a_list_is_refused(value: Any) -> None:
    with pytest.raises(MisfitError, match="list"):
        answer_types.split_list(value)


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"type": "int"}, "int"),
        ({"default": True}, "bool"),
        ({"default": "x"}, "str"),
        (3, "int"),
        ({"default": [1]}, "yaml"),
        ({}, "yaml"),
    ],
)
def test_the_type_is_given_or_inferred_from_the_default(details: Any, expected: str) -> None:
    assert answer_types.type_of(details) == expected
