"""Dependency lists, merged entry by entry."""

from __future__ import annotations

import random
import tomllib

import pytest
from packaging.requirements import Requirement

from mlops_scaffold.upgrade.dependencies import merge


def project(*lines: str, head: str = "[project]\ndependencies") -> str:
    return "\n".join([f"{head} = [", *(f"  {line}" for line in lines), "]", 'last = "x"', ""])


def merged(base: str, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    """The merged file, where nothing is left to conflict."""
    result = merge(base, ours, theirs)
    assert result.base == result.ours == result.new
    return result.ours, result.notes


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        # the owner's change, the template's, what comes out; the base is a>=1, b>=1, c>=1
        (['"a>=1"', '"b>=1,<2"', '"c>=1"'], ['"a>=2"', '"b>=1"', '"c>=1"'],
         ['"a>=2"', '"b>=1,<2"', '"c>=1"']),
        (['"a>=1"', '"c>=1"'], ['"a>=2"', '"b>=2"', '"c>=2"'], ['"a>=2"', '"c>=2"']),
        (['"a>=1"', '"b>=1"', '"c>=1"', '"mine"'], ['"a>=1"', '"b>=1"', '"new>=1"'],
         ['"a>=1"', '"b>=1"', '"mine"', '"new>=1"']),
        (['"a>=1"', '"b>=1"  ', '"c==1.5"'], ['"a>=1"', '"b>=1"', '"c>=1.2"'],
         ['"a>=1"', '"b>=1"', '"c==1.5"']),
        (['"A>=1"', '"b>=1"', '"c>=1"', '"d"'], ['"a>=1"', '"b>=3"', '"c>=1"'],
         ['"A>=1"', '"b>=3"', '"c>=1"', '"d"']),
        (["'a>=1'", '"b>=1"', '"c>=1"', '"d"'], ['"a>=4"', '"b>=1"', '"c>=1"'],
         ["'a>=1'", '"b>=1"', '"c>=1"', '"d"']),
    ],
)  # fmt: skip
def test_entries(ours: list[str], theirs: list[str], expected: list[str]) -> None:
    def commas(entries: list[str]) -> list[str]:
        return [f"{entry.strip()}," for entry in entries]

    base = project('"a>=1",', '"b>=1",', '"c>=1",')
    text, _ = merged(base, project(*commas(ours)), project(*commas(theirs)))
    assert text == project(*commas(expected))


def test_what_only_one_side_touched_is_taken_as_it_is() -> None:
    base = 'x = 1\n[project]\ndependencies = ["a>=1", "b"]\n'
    ours = 'x = 1\n[project]\ndependencies = ["a>=1", "b", "mine"]  # odd  layout\n'
    assert merge(base, ours, base).ours == ours
    assert merge(base, base, ours).new == ours


def test_comments_stay() -> None:
    base = project('"a>=1",', '"b>=1",')
    ours = project("# why a", '"a>=1",  # pinned', '"b>=1",', "# the end")
    theirs = project('"a>=1",', '"b>=2",', '"c",')
    text, _ = merged(base, ours, theirs)
    assert text == project("# why a", '"a>=1",  # pinned', '"b>=2",', '"c",', "# the end")


def test_one_line_and_many_lines() -> None:
    base = '[project]\ndependencies = ["a>=1", "b>=1"]\n'
    ours = '[project]\ndependencies = ["a>=1", "b>=1", "mine"]\n'
    theirs = '[project]\ndependencies = ["a>=2", "b>=1"]\n'
    text, _ = merged(base, ours, theirs)
    assert tomllib.loads(text)["project"]["dependencies"] == ["a>=2", "b>=1", "mine"]


def test_wishes_that_cannot_both_hold_are_left_to_git() -> None:
    base = project('"a>=1",', '"b>=1",')
    result = merge(base, project('"a==1.5",', '"b",'), project('"a>=2",', '"b>=1",', '"c",'))
    assert '"a==1.5",' in result.ours
    assert '"a>=2",' in result.new
    assert '"a>=1",' in result.base
    assert result.ours.replace("==1.5", ">=2") == result.new
    assert '"c",' in result.ours


def test_what_was_not_followed_is_told() -> None:
    base = project('"a>=1",', '"b>=1",', '"c>=1",')
    ours = project('"a>=1,<9",', '"c>=1,<9",')
    theirs = project('"a>=3",', '"b>=2",')
    text, notes = merged(base, ours, theirs)
    assert text == project('"a>=1,<9",', '"c>=1,<9",')
    assert len(notes) == 3
    assert any("b>=2: stays removed" in note for note in notes)


@pytest.mark.parametrize(
    "head",
    [
        "[project]\ndependencies",
        "[project.optional-dependencies]\nserve",
        "[dependency-groups]\ndev",
        "[build-system]\nrequires",
    ],
)
def test_lists_that_are_merged(head: str) -> None:
    base, ours = project('"a>=1",', head=head), project('"a>=1",', '"mine",', head=head)
    text, _ = merged(base, ours, project('"a>=2",', head=head))
    assert text == project('"a>=2",', '"mine",', head=head)


@pytest.mark.parametrize("text", ["[project\n", "dependencies = [", '[tool.x]\nlist = ["a"]\n'])
def test_what_cannot_be_read_is_left_alone(text: str) -> None:
    result = merge(text, text + "#", text + "##")
    assert (result.base, result.ours, result.new) == (text, text + "#", text + "##")


def test_random_changes_lose_no_wish() -> None:
    """Disjoint changes never conflict; the owner's entries stay; removed stays removed."""
    rng = random.Random(7)  # noqa: S311  # repeatable, not secret
    names = [f"pkg{n}" for n in range(8)]
    for _ in range(500):
        base = dict.fromkeys(rng.sample(names, 5), ">=1")
        ours, theirs = dict(base), dict(base)
        for name in base:
            side = rng.choice((ours, theirs, None))
            if side is not None:
                side[name] = ">=2"
                if rng.random() < 0.4:
                    del side[name]
        ours["mine"], theirs["new"] = "==1", ">=5"
        texts = [
            project(*(f'"{name}{spec}",' for name, spec in side.items()))
            for side in (base, ours, theirs)
        ]
        text, _ = merged(texts[0], texts[1], texts[2])
        got = [Requirement(entry) for entry in tomllib.loads(text)["project"]["dependencies"]]
        expected = {
            name: ours[name] if name in ours and ours[name] != base.get(name) else theirs[name]
            for name in {*ours, *theirs}
            if not (name in base and (name not in ours or name not in theirs))
        }
        assert {one.name: str(one.specifier) for one in got} == expected
