"""How an upgrade changes the recorded answers, and which changes need consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_scaffold import shell
from mlops_scaffold.catalog.answer_types import shown
from mlops_scaffold.errors import UsageError
from mlops_scaffold.render import names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_scaffold.upgrade.renders import Rendered

_NEW, _GONE = "new question", "no longer asked"


@dataclass(frozen=True)
class AnswerChange:
    """An answer that changes; `was` or `now` is None if there was none, or will be none."""

    key: str
    was: Any
    now: Any
    note: str = ""
    replaced: bool = False  # it no longer fits, and nobody chose the new one yet


def check_given(answers: Mapping[str, Any]) -> None:
    """Refuse answers that no upgrade can change.

    Raises:
        UsageError: It says which.
    """
    if "template" in answers:
        raise UsageError(
            "a project stays with its template: -d template=... can't be set",
            hint=f"make another project: mlops-scaffold new {answers['template']}",
        )


def changed_answers(
    recorded: Mapping[str, Any], before: Mapping[str, Any], after: Rendered
) -> tuple[AnswerChange, ...]:
    """How the recorded answers change.

    Args:
        recorded: What the project records.
        before: The answers with which its version was rendered.
        after: The render of the wanted version.
    """
    reasons = {each.key: each.reason for each in after.result.replaced}
    known = {key: recorded[key] for key in recorded if key in before or key in reasons}
    found = []
    for key in sorted({*known, *after.answers}):
        was, now = known.get(key), after.answers.get(key)
        if key in known and key in after.answers and was == now and type(was) is type(now):
            continue
        note = reasons.get(key) or (_NEW if key not in known else "")
        note = note if key in after.answers else _GONE
        found.append(AnswerChange(key, was, now, note, replaced=key in reasons))
    return tuple(found)


def check_changes(
    changes: tuple[AnswerChange, ...],
    after: Rendered,
    folder: Path,
    *,
    agreed: bool,
    standalone: bool = False,
) -> None:
    """Refuse changes without consent, and names that `new` would refuse.

    Args:
        changes: The changes.
        after: The render of the wanted version.
        folder: Of the project, for the hint.
        agreed: Answers that no longer fit may be replaced: a person was asked, or took the
            defaults beforehand, or nothing is going to be done.
        standalone: It is a Copier template of its own, with its own rules for names.

    Raises:
        UsageError: It says what is wrong, and how to choose.
    """
    replaced = [change for change in changes if change.replaced]
    if replaced and not agreed:
        listed = "\n".join(f"  {each.key}: {each.note}" for each in replaced)
        given = (word for each in replaced for word in ("-d", f"{each.key}=VALUE"))
        raise UsageError(
            f"the new version no longer allows these answers:\n{listed}",
            hint=f"choose others: {shell.program('upgrade', folder, *given)}; or take the"
            f" defaults: {shell.program('upgrade', folder, '-y')}",
        )
    for change in () if standalone else changes:
        if change.key == "project_name" and change.now is not None:
            names.check_project_name(str(change.now))
            names.check_dependencies(after.folder, str(change.now))


def described(change: AnswerChange) -> str:
    """A change in a few words: `db: mysql -> postgres`."""
    return f"{change.key}: {_plain(change.was)} -> {_plain(change.now)}"


def _plain(value: Any) -> str:
    return "(none)" if value is None else value if isinstance(value, str) else shown(value)
