"""Text fits the screen it is for, keeps every word, and prints on any console."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_scaffold.cli import output
from mlops_scaffold.errors import UsageError

words = st.lists(st.text("abc", min_size=1, max_size=8), min_size=1)


@given(words, st.integers(8, 60))
def test_wrapping_keeps_every_word_and_the_width(parts: list[str], columns: int) -> None:
    lines = output.wrap(" ".join(parts), columns)
    assert " ".join(lines).split() == parts
    assert all(len(line) <= columns for line in lines)


@given(words, st.integers(40, 120))
def test_a_table_fits_and_keeps_every_word(parts: list[str], columns: int) -> None:
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as stdout:
        patch.setenv("COLUMNS", str(columns))
        output.table([("1", " ".join(parts), "end"), ("22", "x", "")], flexible=1)
    printed = stdout.getvalue()
    assert all(len(line) <= columns for line in printed.splitlines())
    assert sorted(printed.split()) == sorted([*parts, "1", "22", "x", "end"])


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([("a", "one"), ("long", "two")], flexible=1)
    assert capsys.readouterr().out == "  a     one\n  long  two\n"


def test_into_a_pipe_nothing_is_wrapped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    output.table([("a", "word " * 100)], flexible=1)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_table_with_headings_gives_way_on_a_narrow_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("a/very/long/path/" * 4, "failed"), ("short", "[bold] is no markup")]
    for columns, lines in ((200, 3), (40, 5)):
        monkeypatch.setenv("COLUMNS", str(columns))
        output.results(("Project", "Outcome"), rows, ("red", None))
        said = capsys.readouterr().out.splitlines()
        assert len(said) >= lines
        assert all(len(line) <= columns for line in said)
        assert "\x1b" not in "".join(said)
        assert "[bold]" in " ".join(said)


def test_progress_is_shown_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    with output.working() as progress:
        progress("Working")
        output.line("result")
    assert capsys.readouterr() == ("result\n", "")


def test_where_columns_do_not_fit_the_text_goes_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    output.table([("--catalog-of-a-team C", "A saved name or a folder.")], flexible=1)
    assert capsys.readouterr().out.splitlines() == [
        "  --catalog-of-a-team C",
        "      A saved name or a",
        "      folder.",
    ]


def test_a_long_word_goes_below_rather_than_beyond_the_edge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    output.table([("-c, --catalog C", "A name or gh:OWNER/REPOSITORY-NAME.")], flexible=1)
    assert capsys.readouterr().out.splitlines() == [
        "  -c, --catalog C",
        "      A name or",
        "      gh:OWNER/REPOSITORY-NAME.",
    ]


@pytest.mark.parametrize(("given", "columns"), [("40", 40), ("7", 20), ("0", None), ("x", None)])
def test_columns_count_where_they_are_a_positive_number(
    given: str, columns: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", given)
    wide = 1_000
    assert (output.width() == columns) if columns else (output.width() > wide)


def test_an_error_fits_a_narrow_screen_and_keeps_its_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    message = "these files have changes that are not committed:\n  src/one.py\n  src/two.py"
    output.error(UsageError(message, hint="commit them first: git commit -a"))
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "error: these files have changes that",
        "  are not committed:",
        "  src/one.py",
        "  src/two.py",
        "hint: commit them first: git commit -a",
    ]


def test_a_command_in_a_hint_is_never_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = "git -C 'my  services/one' commit -m 'Before the upgrade' -- ."
    output.error(UsageError("wrong", hint=f"commit first: {command}; or stash: git stash push"))
    assert capsys.readouterr().err.splitlines() == [
        "error: wrong",
        "hint: commit first:",
        f"  {command}",
        "or stash:",
        "  git stash push",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),  # no-color.org: an empty value means nothing
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    stream: io.StringIO,
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in output.style("text", "bold", stream=stream)) == coloured


def test_a_console_that_lacks_a_character_shows_a_question_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    output.prepare_streams()
    output.line("caf\u00e9 \u2713")
    sys.stdout.flush()
    assert raw.getvalue().decode("cp1252").strip() == "caf\u00e9 ?"


def test_json_says_its_schema_first_and_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"title": "caf\u00e9"})
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert list(json.loads(printed)) == ["schema", "title"]


def test_an_error_goes_to_stderr_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    output.error(UsageError("wrong", hint="do this"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: wrong\nhint: do this\n"


def test_an_error_of_a_json_run_is_json_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.error(UsageError("wrong", hint="do this"), as_json=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err) == {
        "schema": 1,
        "error": {"message": "wrong", "hint": "do this"},
        "exit_code": 2,
    }
