"""What `--help` prints for a verb, and what the command reference says: the words people type.

Typer's own help shows Python types (`<list[Path]>`) and needs at least 50 columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer.core

from mlops_scaffold.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Page:
    """The parts of a verb's help."""

    usage: str  # like `mlops-scaffold status [DIR]... [OPTIONS]`
    about: tuple[str, ...]  # paragraphs
    arguments: tuple[tuple[str, str], ...]  # as typed, and what it is for
    options: tuple[tuple[str, str], ...]


def page(path: str, command: Any) -> Page:
    """The help of a command.

    Args:
        path: How it is called, like `mlops-scaffold catalog add`.
        command: The command as Typer makes it.
    """
    usage, arguments, options = [path], [], []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            usage.append(_argument(parameter))
            arguments.append((_metavar(parameter), parameter.help or ""))
        elif parameter.name != "help":
            value = "" if parameter.is_flag else f" {_metavar(parameter)}"
            options.append((_spellings(parameter) + value, parameter.help or ""))
    about = tuple(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    return Page(" ".join([*usage, "[OPTIONS]"]), about, tuple(arguments), tuple(options))


class Verb(typer.core.TyperCommand):
    """A command whose help fits any terminal and names only what people type."""

    def get_help(self, ctx: Any) -> str:
        """The help as text."""
        found = page(ctx.command_path, self)
        parts = [_usage_lines(found.usage)]
        parts += [list(output.paragraph_lines(text)) for text in found.about]
        help_option = ("-h, --help", "Show this help and exit.")
        for title, rows in (("Arguments", found.arguments), ("Options", found.options)):
            shown = [*rows, help_option] if title == "Options" else rows
            if shown:
                parts.append([output.style(title, "bold"), *output.table_lines(shown, flexible=1)])
        return "\n\n".join("\n".join(part) for part in parts)


class Group(typer.core.TyperGroup):
    """A group of verbs; its help lists them."""

    def get_help(self, ctx: Any) -> str:
        """The help as text."""
        rows = [(name, command.short_help or _first(command)) for name, command in self._verbs()]
        return "\n\n".join(
            "\n".join(part)
            for part in (
                _usage_lines(f"{ctx.command_path} COMMAND [ARGS]..."),
                output.paragraph_lines(self.help or ""),
                [output.style("Commands", "bold"), *output.table_lines(rows, flexible=1)],
            )
        )

    def _verbs(self) -> Iterator[tuple[str, Any]]:
        yield from self.commands.items()


def _usage_lines(usage: str) -> list[str]:
    return list(output.paragraph_lines(f"Usage: {usage}", hanging=" " * 4))


def _first(command: Any) -> str:
    return (command.help or "").split("\n\n")[0]


def _spellings(parameter: Any) -> str:
    return ", ".join(sorted(parameter.opts, key=len))


def _metavar(parameter: Any) -> str:
    return re.sub(r"[][.]", "", str(parameter.metavar or parameter.name)).upper()


def _argument(parameter: Any) -> str:
    metavar = _metavar(parameter)
    many = "..." if parameter.nargs == -1 else ""
    return f"{metavar}{many}" if parameter.required else f"[{metavar}]{many}"
