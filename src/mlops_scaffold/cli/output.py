"""The one place that prints: text for people, and versioned JSON for programs.

Results go to stdout; progress, notes and errors go to stderr. Text is plain ASCII apart from the
data it carries, coloured only on a terminal that wants it, and wrapped to its width. What `list`
and help print is aligned by hand, as importing Rich would double their cost. Rich does what is
worth it: the spinner of long work, and the tables of a fleet.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from mlops_scaffold.errors import ScaffoldError

SCHEMA = 1
"""Version of the JSON on stdout: raised when a key is renamed, removed or changes meaning."""

Style = Literal["bold", "dim", "red", "green", "yellow", "cyan"]
_CODES: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}
_PROSE_WIDTH = 100  # lines longer than this are hard to read on any screen
_UNLIMITED = 10_000  # into a pipe nothing is wrapped, so that grep and cut see whole rows


def prepare_streams() -> None:
    """Make any character printable on any console: one it lacks becomes `?` instead of a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def width() -> int:
    """Columns to fill: `COLUMNS` if set, else the terminal's, else unlimited (a pipe)."""
    try:
        return max(int(os.environ["COLUMNS"]), 20)
    except (KeyError, ValueError):
        pass
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, 20)
    except (OSError, ValueError):
        return _UNLIMITED


def wants_colour(stream: TextIO | None = None) -> bool:
    """Whether to colour: on a terminal, unless `NO_COLOR` is set or the terminal is dumb."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return (stream or sys.stdout).isatty()


def style(text: str, *styles: Style, stream: TextIO | None = None) -> str:
    """`text` in the given styles, or as it is where colour is unwanted."""
    if not styles or not wants_colour(stream):
        return text
    return f"\x1b[{';'.join(_CODES[name] for name in styles)}m{text}\x1b[0m"


def line(text: str = "") -> None:
    """Print one line of a result."""
    print(text)  # noqa: T201  # this module is where printing happens


def note(text: str) -> None:
    """Print one line beside the result (progress, advice): stderr, so that pipes stay clean."""
    print(text, file=sys.stderr)  # noqa: T201  # as above


def raw(data: bytes) -> None:
    """Print a part of a result as it is: a diff may hold any bytes."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextmanager
def working(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Tell what is being done while it is: on stderr, and only where that is a terminal.

    Args:
        quiet: Say nothing: questions are asked meanwhile, or programs listen.

    Yields:
        What to call with each step in a few words, shown beside a spinner; "" takes it away, which
        is for printing something else.
    """
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.console import Console  # only long work on a terminal pays for it
    from rich.live import Live  # as above
    from rich.spinner import Spinner  # as above
    from rich.text import Text  # as above

    spinner = Spinner("line")  # of ASCII
    live = Live(
        spinner,
        console=Console(stderr=True, no_color=not wants_colour(sys.stderr)),
        transient=True,
        redirect_stdout=False,  # else what is printed meanwhile would end in stderr
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
    """Print prose wrapped to the width.

    Args:
        text: The prose; its own line breaks are ignored.
        indent: What the first line starts with.
        hanging: What the other lines start with (default: as many spaces as `indent` has columns).
    """
    rest = " " * len(indent) if hanging is None else hanging
    columns = min(width(), _PROSE_WIDTH) - len(rest)
    for number, part in enumerate(wrap(text, columns)):
        line((rest if number else indent) + part)


def table(
    rows: Sequence[Sequence[str]],
    *,
    flexible: int,
    indent: str = "  ",
    styles: Sequence[Style | None] = (),
) -> None:
    """Print rows of equally many cells as aligned columns.

    Args:
        rows: The cells, unstyled.
        flexible: Index of the column that is wrapped when the rows are wider than the screen.
        indent: What each line starts with.
        styles: How the first cell of each row looks, where that is to differ.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    others = len(indent) + sum(widths) - widths[flexible] + 2 * (len(widths) - 1)
    widths[flexible] = max(min(widths[flexible], width() - others), 12)
    for row, look in zip_longest(rows, styles):
        parts = wrap(row[flexible], widths[flexible])
        for number, part in enumerate(parts):
            cells = [part if i == flexible else "" if number else c for i, c in enumerate(row)]
            padded = (cell.ljust(size) for cell, size in zip(cells, widths, strict=True))
            text = (indent + "  ".join(padded)).rstrip()
            first = len(indent) + widths[0]
            line(style(text[:first], look) + text[first:] if look else text)


def results(
    columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[Style | None]
) -> None:
    """Print a table with a heading per column, each row in its style.

    On a narrow screen the first and the last column give way: what is too long is wrapped.
    """
    from rich.console import Console  # only a fleet pays for it
    from rich.table import Table  # as above
    from rich.text import Text  # as above

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=column not in (columns[0], columns[-1]))
    for row, look in zip(rows, styles, strict=True):
        grid.add_row(*map(Text, row), style=look)
    console = Console(file=sys.stdout, width=width(), force_terminal=wants_colour())
    console.print(grid)


def tree(paths: Iterable[str]) -> None:
    """Print `/`-separated file paths as an indented tree, folders before their contents."""
    shown: set[str] = set()
    for path in sorted(paths, key=lambda path: path.split("/")):
        *folders, name = path.split("/")
        for depth, folder in enumerate(folders):
            prefix = "/".join(folders[: depth + 1])
            if prefix not in shown:
                shown.add(prefix)
                line("  " * (depth + 1) + style(folder + "/", "cyan"))
        line("  " * (len(folders) + 1) + name)


def emit(result: Mapping[str, Any]) -> None:
    """Print a result as JSON, the only thing a `--json` run writes to stdout."""
    line(_json(result))


def error(problem: ScaffoldError, *, as_json: bool = False) -> None:
    """Print what went wrong and what to do next, on stderr."""
    if as_json:
        described = {"message": problem.message, "hint": problem.hint}
        code = int(problem.exit_code)
        note(_json({"error": described, "exit_code": code}))
        return
    note(f"{style('error:', 'red', 'bold', stream=sys.stderr)} {problem.message}")
    if problem.hint:
        note(f"{style('hint:', 'cyan', stream=sys.stderr)} {problem.hint}")


def _json(data: Mapping[str, Any]) -> str:
    import json  # only `--json` pays for it

    return json.dumps({"schema": SCHEMA, **data}, indent=2)
