"""What a render takes and gives, in plain values: it may be made in another process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

Operation = Literal["copy", "update"]
CANNOT_REPLY = 74
"""How the other process ends when its disk has no room for the result."""


@dataclass(frozen=True)
class RenderJob:
    """One render.

    Attributes:
        root: The catalog.
        into: A folder that does not exist yet.
        answers: New answers, which must fit; keys may be short.
        carried: Answers of an earlier version, which are kept where they fit.
        ask: Ask on the terminal what neither answers.
        operation: Which of the template's messages are meant: those for `new` or for `upgrade`.
        named: The answer `project_name` names the project and its package, and has to be fit to.
        parent: The folder in which the project gets one of its own, called by that name; None if
            its folder is settled already.
        url: What the template is told of its origin, Copier's `_src_path`.
        ref: What it is told of its version, Copier's `_commit`.
        answers_file: What it is told of the answers file's name; "" leaves that to the template.
        folder: What it is told of the project's folder, Copier's `_folder_name`.
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
    """What came of a render.

    Attributes:
        answers: The final answers, as recorded: no hidden or secret ones, no `_` keys.
        replaced: Carried answers that no longer fit; `answers` has what took their place.
        answers_file: What the project's answers file is to be called.
        once: Files that the template renders only where there is none (`_skip_if_exists`).
        message_before: What the template has to say first; "" if it was shown while asking.
        message_after: What the template has to say in the end.
    """

    answers: Mapping[str, Any]
    replaced: tuple[ReplacedAnswer, ...] = ()
    answers_file: str = ""
    once: tuple[str, ...] = ()
    message_before: str = ""
    message_after: str = ""

    @property
    def messages(self) -> tuple[str, ...]:
        """What the template has to say and has not said yet."""
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
