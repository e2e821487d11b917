"""Whether there is a terminal to ask questions on, and the answers given on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_scaffold.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_STDIN = Path("-")
_STDIN_NAME = Path("standard input")


def can_ask() -> bool:
    """Whether a person can read a question and answer it, even if stdout is piped away."""
    return _is_terminal(sys.stdin) and (_is_terminal(sys.stdout) or _is_terminal(sys.stderr))


def has_input_only() -> bool:
    """Whether a person could type an answer, but there is no terminal to show a question on."""
    return _is_terminal(sys.stdin) and not can_ask()


def given_answers(
    data: Sequence[str], data_file: Path | None = None, *, folder_named: bool = False
) -> dict[str, Any]:
    """Answers from `-d KEY=VALUE` and a file; the command line has the last word.

    Args:
        data: The values of `-d`.
        data_file: A YAML file, `-` for standard input. It may be the answers file of another
            project; its keys that start with `_` are ignored.
        folder_named: The command line names the folder of the new project. This counts more than
            the name in another project's answers file.

    Raises:
        ScaffoldError: The file is broken.
        UsageError: An item lacks its `=`.
    """
    found = _read(data_file) if data_file is not None else {}
    if "_src_path" in found and folder_named:
        found.pop("project_name", None)
    found = {key: value for key, value in found.items() if not key.startswith("_")}
    for item in data:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(
                f"-d {item}: expected KEY=VALUE", hint="like: -d project_name=fraud-api"
            )
        found[key] = value
    return found


def _read(file: Path) -> dict[str, Any]:
    from mlops_scaffold.catalog import yamlfile

    if file != _STDIN:
        documents = yamlfile.read(file)
    else:
        documents = yamlfile.read_stream(sys.stdin.buffer, _STDIN_NAME)
        if all(
            document.value is None for document in documents
        ):  # the command that should write it failed
            raise UsageError(
                "--data-file -: standard input holds no answers", hint="expected KEY: VALUE lines"
            )
    found: dict[str, Any] = {}
    for document in documents:
        if document.value is not None:
            found |= {key: node.value for key, node in document.entries()}
    return found


def _is_terminal(stream: Any) -> bool:
    try:
        return stream is not None and bool(stream.isatty())
    except ValueError:  # it was closed
        return False
