"""Input and result of a render, as plain values that can be sent to another process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

Operation = Literal["copy", "update"]
CANNOT_REPLY = 74
"""Exit code of the worker process if the disk has no room for its result."""


@dataclass(frozen=True)
class RenderJob:
    """One render.

    Attributes:
        root: The catalog.
        into: A folder that does not exist yet.
        answers: New answers, which must fit; keys may be short.
        carried: Answers of an earlier version, which are kept where they fit.
        ask: Ask on the terminal for what neither of them answers.
        operation: Whether to render the template's messages for `new` or for `upgrade`.
        named: `project_name` names the project and its package, so the rules for names apply.
        parent: The folder in which the project's own folder is made, named by `project_name`; None
            if the project's folder is already decided.
        url: Its origin, as the template sees it: Copier's `_src_path`.
        ref: Its version, as the template sees it: Copier's `_commit`.
        answers_file: Name of the answers file, as the template sees it; "" if the template decides.
        folder: Name of the project's folder, as the template sees it: Copier's `_folder_name`.
    """

    root: Path
    into: Path
    answers: Mapping[str, Any]
    carried: Mapping[str, Any]
    ask: bool = False
    operation: Operation = "copy"
    named: bool = False
    parent: Path | None = None
    url: str = ""
    ref: str = ""
    answers_file: str = ""
    folder: str = "project"

    def to_json(self) -> dict[str, Any]:
        """Its fields, fit for JSON."""
        paths = {"root": str(self.root), "into": str(self.into)}
        return {**vars(self), **paths, "parent": self.parent and str(self.parent)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        parent = data["parent"]
        paths = {"root": Path(data["root"]), "into": Path(data["into"])}
        return cls(**{**data, **paths, "parent": Path(parent) if parent else None})


@dataclass(frozen=True)
class ReplacedAnswer:
    """A carried answer that no longer fits its question, and was replaced."""

    key: str
    was: Any
    reason: str  # why it doesn't fit, to be read after the key


@dataclass(frozen=True)
class RenderResult:
    """The result of a render.

    Attributes:
        answers: The final answers, as recorded: no hidden or secret ones, no `_` keys.
        replaced: Carried answers that no longer fit; `answers` has their replacements.
        answers_file: Name of the project's answers file.
        once: Files that upgrades leave alone where they exist (`_skip_if_exists`).
        message_before: The template's message before rendering; "" if it was shown while asking.
        message_after: The template's message after rendering.
    """

    answers: Mapping[str, Any]
    replaced: tuple[ReplacedAnswer, ...] = ()
    answers_file: str = ""
    once: tuple[str, ...] = ()
    message_before: str = ""
    message_after: str = ""

    @property
    def messages(self) -> tuple[str, ...]:
        """The template's messages that were not shown yet."""
        return tuple(filter(None, (self.message_before, self.message_after)))

    def to_json(self) -> dict[str, Any]:
        """Its fields, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        replaced = tuple(ReplacedAnswer(**each) for each in data["replaced"])
        return cls(**{**data, "replaced": replaced, "once": tuple(data["once"])})


@dataclass(frozen=True)
class QuestionProblem:
    """A question whose own default, or own code, does not work."""

    key: str
    message: str
