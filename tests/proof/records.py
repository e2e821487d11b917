"""What the proof talks about: answer sets, what a template states about itself, and results."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Figure = int | float | str
Figures = dict[str, Figure]
Status = Literal["ok", "failed", "skipped"]


class SkipStepError(Exception):
    """A step can't run on this machine; the message says what is missing."""


@dataclass(frozen=True)
class AnswerSet:
    """One set of answers to prove a template with; what it leaves out takes the default."""

    name: str
    answers: dict[str, Any]


@dataclass(frozen=True)
class ImageFacts:
    """What `templates/<slug>/proof.yml` states about the image."""

    port: int
    health: str
    max_mb: int
    env: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()  # Python distributions that must not be inside


@dataclass(frozen=True)
class Spec:
    """`templates/<slug>/proof.yml`: what a machine can't guess about a template."""

    slug: str
    answer_sets: tuple[AnswerSet, ...]
    image: ImageFacts | None = None
    braces: tuple[str, ...] = ()  # globs of files with another engine's `{{ }}` in them
    packages: tuple[str, ...] = ()  # Debian packages that the tests use (a browser)
    skips: tuple[str, ...] = ()  # regular expressions of the reasons for which a test may skip


@dataclass(frozen=True)
class Outcome:
    """What a step found: no findings means that it passed."""

    findings: tuple[str, ...] = ()
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class StepResult:
    """One step of one template with one answer set, as kept in `.proof/`."""

    template: str
    answer_set: str
    step: str
    status: Status
    seconds: float
    findings: tuple[str, ...] = ()
    figures: Figures = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StepResult:
        return cls(**(data | {"findings": tuple(data["findings"])}))
