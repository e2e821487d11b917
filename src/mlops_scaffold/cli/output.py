"""The one place that prints: text for people, and versioned JSON for programs.

Results go to stdout; progress, notes and errors go to stderr. Text is plain ASCII apart from the
data it carries, coloured only on a terminal that supports it, and wrapped to its width. `list` and
help align their columns here, because importing Rich would double their cost. Rich draws the
spinner of long-running work and the tables for several projects.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

    from mlops_scaffold.errors import ScaffoldError

SCHEMA = 1
"""Version of the JSON on stdout: raised when a key is renamed, removed or changes meaning."""

Style = Literal["bold", "dim", "red", "green", "yellow", "cyan"]
Look: TypeAlias = "Style | Sequence[Style | None] | None"
"""How a row of a table looks: the style of its first cell, or one style per cell."""
_CODES: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}
_PROSE_WIDTH = 100  # longer lines are hard to read on any screen
_LEAST_ROOM = 12  # columns for wrapped text; with less it goes below the other cells
_BELOW = "    "  # the indent of text below the other cells
_NARROWEST = 20  # columns; below this, wrapping does more harm than a long line
# A command in a hint comes after a colon of its own and ends with the line or a semicolon.
_COMMAND = re.compile(r"(?<!^hint: )(?<=: )((?:mlops-scaffold|git|cp) .+?)(?:; |$)")
_UNLIMITED = 10_000  # nothing is wrapped in a pipe, so that grep and cut see whole rows


def prepare_streams() -> None:
    """Make any character printable on any console, and open streams that are closed.

    A character that the console lacks becomes `?` instead of a crash. Where a stream is closed, the
    next file that is opened would take its number, and what is printed would go into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(handle, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def width(stream: TextIO | None = None) -> int:
    """Columns to fill: `COLUMNS` if it is a positive number, else the terminal's, else no limit.

    Args:
        stream: Where the text goes (default: stdout).
    """
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return max(int(given), _NARROWEST)
    try:
        columns = os.get_terminal_size((stream or sys.stdout).fileno()).columns
    except (AttributeError, OSError, ValueError):  # a pipe, a file, or no stream at all
        return _UNLIMITED
    return max(columns, _NARROWEST) if columns > 0 else _UNLIMITED


def wants_colour(stream: TextIO | None = None) -> bool:
    """Whether to use colour: on a terminal, unless `NO_COLOR` is set or the terminal is dumb."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return (stream or sys.stdout).isatty()


def style(text: str, *styles: Style, stream: TextIO | None = None) -> str:
    """`text` in the given styles, or unchanged where colour is not wanted."""
    if not styles or not wants_colour(stream):
        return text
    return f"\x1b[{';'.join(_CODES[name] for name in styles)}m{text}\x1b[0m"


def line(text: str = "") -> None:
    """Print one line of a result."""
    print(text)  # noqa: T201  # this module is where printing happens


def note(text: str) -> None:
    """Print one line of progress or advice on stderr, so that pipes carry the result alone."""
    print(text, file=sys.stderr)  # noqa: T201  # as above


def raw(data: bytes) -> None:
    """Print part of a result byte for byte: a diff can contain anything."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextmanager
def working(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show what is being done, on stderr and only if that is a terminal.

    Args:
        quiet: Show nothing, because questions are asked meanwhile or the output is JSON.

    Yields:
        A function to call with each step in a few words, which appear beside a spinner. Call it
        with "" to remove the spinner before printing something else.
    """
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.console import Console  # only long-running work needs it
    from rich.live import Live  # as above
    from rich.spinner import Spinner  # as above
    from rich.text import Text  # as above

    spinner = Spinner("line")  # of ASCII
    live = Live(
        spinner,
        console=Console(stderr=True, no_color=not wants_colour(sys.stderr)),
        transient=True,
        redirect_stdout=False,  # else results printed meanwhile would go to stderr
        redirect_stderr=False,
    )

    def tell(text: str) -> None:
        spinner.update(text=Text(f"{text} ...", style="dim"))
        if text:
            live.start()
        else:
            live.stop()

    try:
        yield tell
    finally:
        live.stop()


def heading(text: str) -> None:
    """Print a heading of a result."""
    line(style(text, "bold"))


def wrap(text: str, columns: int) -> list[str]:
    """`text` broken at spaces into lines of at most `columns` (longer words stay whole)."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= columns:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines or [""]


def paragraph(text: str, *, indent: str = "", hanging: str | None = None) -> None:
    """Print prose wrapped to the width; see `paragraph_lines`."""
    for each in paragraph_lines(text, indent=indent, hanging=hanging):
        line(each)


def paragraph_lines(
    text: str, *, indent: str = "", hanging: str | None = None, columns: int | None = None
) -> Iterator[str]:
    """Prose as lines that fit the width.

    Args:
        text: The prose; its own line breaks are ignored.
        indent: What the first line starts with.
        hanging: What the other lines start with (default: as many spaces as `indent` has columns).
        columns: The width (default: that of stdout, or less where lines would be hard to read).
    """
    rest = " " * len(indent) if hanging is None else hanging
    room = (min(width(), _PROSE_WIDTH) if columns is None else columns) - len(rest)
    for number, part in enumerate(wrap(text, room)):
        yield (rest if number else indent) + part


def table(
    rows: Sequence[Sequence[str]],
    *,
    flexible: int,
    indent: str = "  ",
    styles: Sequence[Look] = (),
) -> None:
    """Print rows of equally many cells as aligned columns; see `table_lines`."""
    for each in table_lines(rows, flexible=flexible, indent=indent, styles=styles):
        line(each)


def table_lines(
    rows: Sequence[Sequence[str]],
    *,
    flexible: int,
    indent: str = "  ",
    styles: Sequence[Look] = (),
) -> Iterator[str]:
    """Rows of equally many cells as lines of aligned columns.

    On a narrow screen the flexible column is wrapped. Where it would have too little room for that,
    it goes below the other cells instead.

    Args:
        rows: The cells, unstyled.
        flexible: Index of the column that is wrapped when the rows are wider than the screen.
        indent: What each line starts with.
        styles: The look of each row.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    others = len(indent) + sum(widths) - widths[flexible] + 2 * (len(widths) - 1)
    room = width() - others
    if room < min(widths[flexible], _enough_room(rows, flexible, indent)):
        yield from _stacked_lines(rows, flexible, indent, styles)
        return
    widths[flexible] = min(widths[flexible], room)
    for row, look in zip_longest(rows, styles):
        for number, part in enumerate(wrap(row[flexible], widths[flexible])):
            cells = [part if i == flexible else "" if number else c for i, c in enumerate(row)]
            padded = [cell.ljust(size) for cell, size in zip(cells, widths, strict=True)]
            yield _join(indent, padded, look)


def _enough_room(rows: Sequence[Sequence[str]], flexible: int, indent: str) -> int:
    """Columns that the wrapped text needs beside the others: its longest word, if that helps."""
    longest = max((len(word) for row in rows for word in row[flexible].split()), default=0)
    fits_below = longest <= width() - len(indent) - len(_BELOW)
    return max(_LEAST_ROOM, longest if fits_below else 0)


def _stacked_lines(
    rows: Sequence[Sequence[str]],
    flexible: int,
    indent: str,
    styles: Sequence[Look],
) -> Iterator[str]:
    """Each row's flexible cell on lines of its own, below the others."""
    for row, look in zip_longest(rows, styles):
        fixed = [cell for i, cell in enumerate(row) if i != flexible and cell]
        for part in wrap("  ".join(fixed), width() - len(indent)):
            yield indent + style(part, *[each for each in _looks(look)[:1] if each])
        below = indent + _BELOW
        for part in wrap(row[flexible], width() - len(below)):
            if part:
                yield below + part


def _join(indent: str, cells: Sequence[str], look: Look) -> str:
    looks = _looks(look)
    last = max((i for i, cell in enumerate(cells) if cell.strip()), default=0)
    text = indent
    for i, (cell, each) in enumerate(zip_longest(cells[: last + 1], looks[: last + 1])):
        shown = cell.rstrip() if i == last else cell
        text += ("  " if i else "") + (style(shown, each) if each and shown.strip() else shown)
    return text.rstrip()


def _looks(look: Look) -> Sequence[Style | None]:
    return (look,) if look is None or isinstance(look, str) else look


def results(
    columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[Style | None]
) -> None:
    """Print a table with a heading per column, each row in its style.

    On a narrow screen, the first and the last column are wrapped.
    """
    from rich.console import Console  # only a table of several projects needs it
    from rich.table import Table  # as above
    from rich.text import Text  # as above

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=column not in (columns[0], columns[-1]))
    for row, look in zip(rows, styles, strict=True):
        grid.add_row(*map(Text, row), style=look)
    console = Console(file=sys.stdout, width=width(), force_terminal=wants_colour())
    console.print(grid)


def emit(result: Mapping[str, Any]) -> None:
    """Print a result as JSON, the only output of a `--json` run on stdout."""
    line(_json(result))


def error(problem: ScaffoldError, *, as_json: bool = False) -> None:
    """Print what went wrong and what to do next, on stderr."""
    if as_json:
        described = {"message": problem.message, "hint": problem.hint}
        code = int(problem.exit_code)
        note(_json({"error": described, "exit_code": code}))
        return
    _labelled("error:", problem.message, "red", "bold")
    if problem.hint:
        _labelled("hint:", problem.hint, "cyan")


def _labelled(label: str, text: str, *styles: Style) -> None:
    """Print a message after its label on stderr; the message keeps its own line breaks.

    A command that does not fit gets a line of its own and is never broken: it is there to be copied
    and typed.
    """
    columns = width(sys.stderr)
    lines: list[str] = []
    for given in f"{label} {text}".splitlines():
        if len(given) <= columns:
            lines.append(given)
            continue
        for number, part in enumerate(_COMMAND.split(given)):
            is_command = number % 2 == 1
            lines += [f"  {part}"] if is_command else _rewrapped(part.rstrip(), columns)
    lines[0] = style(label, *styles, stream=sys.stderr) + lines[0].removeprefix(label)
    for each in lines:
        note(each)


def _rewrapped(text: str, columns: int) -> Iterator[str]:
    """A line that is too long as several, indented as it is."""
    if not text.strip():
        return iter(())
    indent = text[: len(text) - len(text.lstrip())]
    return paragraph_lines(text, indent=indent, hanging=indent + "  ", columns=columns)


def _json(data: Mapping[str, Any]) -> str:
    import json  # only `--json` needs it

    return json.dumps({"schema": SCHEMA, **data}, indent=2)
