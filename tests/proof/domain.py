"""What the proof talks about: answer sets, what a template states about itself, and results."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Figure = int | float | str
Figures = dict[str, Figure]
Status = Literal["ok", "failed", "skipped", "unproved"]


class SkipStepError(Exception):
    """A step can't run on this machine; the message says what is missing."""


@dataclass(frozen=True)
class AnswerSet:
    """One set of answers to prove a template with; what it leaves out takes the default."""

    name: str
    answers: dict[str, Any]


@dataclass(frozen=True)
class ImageFacts:
    """What `templates/<slug>/proof.yml` states about the image: a service, or a job that ends."""

    max_mb: int
    port: int | None = None  # of a service
    health: str = ""  # where a service says that it is ready
    command: tuple[str, ...] = ()  # the arguments that a job is run with
    state: str = ""  # the folder that it writes to
    env: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()  # Python distributions that must not be inside

    def __post_init__(self) -> None:
        if (self.port is None) == (not self.command) or (self.port is None) != (not self.health):
            message = "image: give `port` and `health` for a service, or `command` for a job"
            raise TypeError(message)


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
    cpu_seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StepResult:
        return cls(**(data | {"findings": tuple(data["findings"])}))
