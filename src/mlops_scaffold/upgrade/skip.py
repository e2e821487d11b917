"""Files that upgrades leave alone: because their owner asked for it, or the template does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_scaffold.upgrade.model import Change, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import MergeInputs

_OWNER, _TEMPLATE = "skipped, as you asked", "the template leaves it alone once it exists"


@dataclass(frozen=True)
class Skips:
    """What to leave alone; paths within the project.

    Attributes:
        patterns: The owner's, as in `.gitignore`.
        once: Files that the template renders only where there is none (`_skip_if_exists`).
    """

    patterns: tuple[str, ...] = ()
    once: frozenset[str] = frozenset()


def leave_out(
    repo: Repo, inputs: MergeInputs, skips: Skips, present: Collection[str]
) -> tuple[MergeInputs, tuple[Change, ...]]:
    """Take skipped files out of the template's two sides, so that nothing happens to them.

    Args:
        repo: The project.
        inputs: With renames known.
        skips: What to skip.
        present: Paths of template files that are there though git doesn't track them.
    """
    if not (skips.patterns or skips.once):
        return inputs, ()
    matches = _matcher(skips.patterns)
    changes: list[Change] = []
    old, new = set[str](), set[str]()
    arrivals = {path: path for path in inputs.new.keys() - set(inputs.moved.values())}
    for before, after in {**arrivals, **{p: inputs.moved.get(p, p) for p in inputs.base}}.items():
        mine = inputs.renamed.get(before, before)
        there = mine in inputs.ours or mine in present
        asked = any(matches(repo.inside(path)) for path in (before, after, mine))
        once = there and not skips.once.isdisjoint(map(repo.inside, (before, after)))
        if not asked and not once:
            continue
        old.add(before)
        new.add(after)
        if inputs.base.get(before) != inputs.new.get(after):
            note = _OWNER if asked else _TEMPLATE
            changes.append(Change(mine if there else after, Verdict.SKIPPED, note=note))
    return inputs.without(base=old, new=new), tuple(changes)


def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    import pathspec  # noqa: PLC0415  # few projects skip anything

    return pathspec.GitIgnoreSpec.from_lines(patterns).match_file
