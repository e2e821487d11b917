"""What a program writes: in README.md the command reference and what `list` prints; docs/proof.md.

`make docs` writes them; a test fails when they have fallen behind.
"""

from __future__ import annotations

import io
import os
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import typer

from mlops_scaffold.__main__ import main as run_program
from mlops_scaffold.cli.app import build_app
from mlops_scaffold.cli.fast_path import PROGRAM
from mlops_scaffold.cli.help import page
from tests.proof import page as proof_page

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parents[1] / "README.md"


def updated(text: str) -> str:
    """README's text with its generated parts written anew."""
    for name, content in (("list", listing()), ("reference", reference())):
        start, end = f"<!-- {name}: make docs writes this -->", f"<!-- /{name} -->"
        pattern = re.compile(f"({re.escape(start)}\n).*?({re.escape(end)})", re.DOTALL)
        found = pattern.search(text)
        if found is None:
            raise ValueError(f"README.md lacks `{start}` and its `{end}`")
        text = text[: found.end(1)] + content + text[found.start(2) :]
    return text


def listing() -> str:
    """What `list` prints, as a block."""
    with mock.patch.dict(os.environ, {"COLUMNS": "100"}), redirect_stdout(io.StringIO()) as out:
        run_program(["list"])
    return f"```console\n$ {PROGRAM} list\n{out.getvalue().rstrip()}\n```\n"


def reference() -> str:
    """A section for each command."""
    return "\n".join(_section(path, command) for path, command in commands()) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name, those of groups after their group's place."""
    group = typer.main.get_command(build_app())
    for name, command in group.commands.items():  # type: ignore[attr-defined]  # it is a group
        nested = getattr(command, "commands", None)
        if nested is None:
            yield f"{PROGRAM} {name}", command
        else:
            yield from ((f"{PROGRAM} {name} {sub}", each) for sub, each in nested.items())


def _section(path: str, command: Any) -> str:
    found = page(path, command)
    rows = (*found.arguments, *found.options)
    table = [f"| `{in_table(name)}` | {in_table(text)} |" for name, text in rows]
    head = ["| | |", "|---|---|"] if table else []
    about = " ".join(found.about)
    return "\n".join([f"### `{found.usage}`", "", about, "", *head, *table, ""])


def in_table(text: str) -> str:
    """`text` as a cell of a Markdown table."""
    return text.replace("|", r"\|")


if __name__ == "__main__":
    README.write_text(updated(README.read_text("utf-8")), "utf-8")
    proof_page.write(README.parent)
