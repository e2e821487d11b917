"""What was proved is recorded, holds until something that matters changes, and can't be edited."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from . import budget, keys, prove, pythons, records, report, schedule, spec, standing
from .budget import Budget
from .closure import Package, closure
from .domain import AnswerSet, Figures, Outcome, Spec, StepResult
from .records import Record
from .standing import Standing
from .steps import STEPS, Step, steps_of
from .test_harness import PROJECT, SERVING, SHARED, Break, checkout

ROOT = Path(__file__).parents[2]
DAY = dt.date(2026, 3, 1)
ALL = [f"defaults {step}" for step in STEPS]
OTHERS = [f"welcome {step}" for step in STEPS if step != "newest"]


def every_pair(root: Path) -> list[standing.Pair]:
    templates = [spec.load(root, slug) for slug in spec.templates(root)]
    return [(template, answers) for template in templates for answers in template.answer_sets]


@pytest.fixture(scope="module")
def state() -> list[Standing]:
    """Every key, computed from the tree."""
    return standing.standings(ROOT, every_pair(ROOT))


def test_no_record_was_edited_by_hand() -> None:
    for slug in spec.templates(ROOT):
        records.read(ROOT, slug)


def test_every_step_of_every_template_has_a_key(state: list[Standing]) -> None:
    wanted = sum(len(steps_of(answers, deep=False)) for _, answers in every_pair(ROOT))
    assert len(state) == wanted
    assert all(each.inputs["rendered files"] for each in state), "a template can't be rendered"


def test_a_record_that_holds_has_the_key_of_the_tree(state: list[Standing]) -> None:
    for each in state:
        if each.proved and each.record is not None:
            assert each.record.key == keys.key(each.inputs, deep=each.record.deep)


# -- With a template of our own


@pytest.fixture(scope="module")
def proved_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the tiny template, all of whose steps are proved."""
    made = checkout(tmp_path_factory.mktemp("proved") / "checkout")
    shutil.copytree(ROOT / "releases", made / "releases", dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        assert prove_what_changed(made) == [*ALL, *OTHERS]
    return made


@pytest.fixture
def root(proved_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The proved checkout, to be changed."""
    quick(monkeypatch)
    return shutil.copytree(proved_once, tmp_path / "checkout")


def quick(patch: pytest.MonkeyPatch) -> None:
    """Steps that look at nothing."""
    seen: Figures = {"files": 1, "share": 0.12345678, "small": 0.00000012}
    for name, step in STEPS.items():
        patch.setitem(STEPS, name, _faked(step, Outcome(figures=seen)))
    patch.setattr(pythons, "OLDEST", pythons.oldest())


def _faked(step: Step, outcome: Outcome) -> Step:
    def fake(_: object) -> Outcome:
        return outcome

    fake.__module__ = step.prove.__module__
    return replace(step, prove=fake)


def tiny(root: Path) -> Spec:
    return spec.load(root, "tiny")


def pairs(root: Path) -> list[standing.Pair]:
    return [(tiny(root), answers) for answers in tiny(root).answer_sets]


def prove_what_changed(root: Path, *, fresh: bool = False, deep: bool = False) -> list[str]:
    """The steps that were run, as `set step`."""
    found = standing.standings(root, pairs(root), deep=deep)
    todo = schedule.tasks(root, pairs(root), found, STEPS, fresh=fresh)
    done = prove.prove_all(root, todo, tell=lambda _: None, deep=deep)
    return [f"{each.answer_set} {each.step}" for each in done]


def unproved(root: Path, day: dt.date | None = None) -> set[str]:
    """The steps that are not proved with the default answers."""
    found = standing.standings(root, pairs(root)[:1], day=day)
    return {each.step for each in found if not each.proved}


def test_what_is_proved_is_not_proved_again(root: Path) -> None:
    assert prove_what_changed(root) == []
    assert unproved(root) == set()
    assert prove_what_changed(root, fresh=True) == [*ALL, *OTHERS]


EVERY = set(STEPS)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (Break(SERVING, "", '"""The service, renewed."""', '"""The service."""'), EVERY),
        (Break(f"{SHARED}/gitignore", "", "/more/\n"), EVERY),
        (Break("templates/tiny/proof.yml", "", "max_mb: 399", "max_mb: 400"), {"ship"}),
        (Break("templates/tiny/proof.yml", "", "skips: [never]\n"), {"run", "newest"}),
        (Break("templates/tiny/proof.yml", "", "braces: [x]\n"), {"render"}),
        (Break("templates/tiny/questions.yml", "", "greet today?", "greet?"), {"render"}),
        (Break("tests/proof/e2e/tiny.py", "", "# more\n"), {"run", "ship"}),
        (Break("src/mlops_scaffold/upgrade/plan.py", "", "# more\n"), {"upgrade"}),
        (Break("src/mlops_scaffold/errors.py", "", "# more\n"), {"upgrade"}),
        (Break("src/mlops_scaffold/doctor.py", "", "# more\n"), set()),
        (Break("releases/index.yaml", "", "# more\n"), {"upgrade"}),
        (Break(f"{PROJECT}/Makefile.jinja", "", "{# more #}"), set()),
    ],
)
def test_a_change_makes_exactly_the_steps_stale_that_it_can_affect(
    root: Path, change: Break, again: set[str]
) -> None:
    change.apply(root)
    assert unproved(root) == again


def test_a_mode_that_changes_is_a_change(root: Path) -> None:
    (root / SERVING).chmod(0o755)
    assert unproved(root) == EVERY


def test_answers_that_a_change_does_not_reach_stay_proved(root: Path) -> None:
    Break(f"{PROJECT}/more.md.jinja", "", "{% if tiny_word == 'welcome' %}# Hi{% endif %}\n").apply(
        root
    )
    prove_what_changed(root)
    Break(f"{PROJECT}/more.md.jinja", "", "# Hello", "# Hi").apply(root)
    assert {each.partition(" ")[0] for each in prove_what_changed(root)} == {"welcome"}


def test_the_version_of_the_catalog_is_no_change(root: Path) -> None:
    init = root / "src/mlops_scaffold/__init__.py"
    init.write_text(init.read_text().replace("0.1.0.dev0", "0.2.0.dev0"))
    assert unproved(root) == set()


def test_a_harness_module_belongs_to_the_steps_that_import_it() -> None:
    harness = Package(Path(__file__).parent, "tests.proof")

    def users(name: str) -> set[str]:
        used = harness.folder / name
        found = set()
        for step, each in STEPS.items():
            module = harness.file(each.prove.__module__)
            assert module is not None
            if used in closure(harness, module):
                found.add(step)
        return found

    assert users("unit.py") == EVERY
    assert users("actions.py") == users("recorder.py") == {"ci"}
    assert users("tools.py") == {"ci", "ship"}
    assert users("report.py") == users("schedule.py") == users("prove.py") == set()


def test_a_proof_lasts_thirty_days(root: Path) -> None:
    day = standing.today()
    assert unproved(root, day + dt.timedelta(days=30)) == set()
    assert unproved(root, day + dt.timedelta(days=31)) == EVERY


def test_a_deep_proof_is_one_of_the_usual_kind_too_but_not_the_reverse(root: Path) -> None:
    assert len(prove_what_changed(root, deep=True)) == 2 * len(STEPS)
    assert prove_what_changed(root, deep=True) == prove_what_changed(root) == []


@pytest.mark.parametrize("what", ["figures", "date", "inputs", "step", "key"])
def test_a_record_that_was_edited_is_noticed_and_does_not_hold(root: Path, what: str) -> None:
    file = records.path(root, "tiny")
    lines = file.read_text().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if line.startswith("  run: "))
    entry = json.loads(lines[at].partition(": ")[2])
    step = "run"
    if what == "figures":
        entry["figures"]["files"] = 2
    elif what == "date":
        entry["date"] = "2036-01-01"
    elif what == "inputs":
        entry["inputs"]["rendered files"] = "0" * 16
    elif what == "key":
        entry["key"] = "0" * 32
    else:
        step = "ship"
        lines = [line for line in lines if not line.startswith("  ship: ")]
        at = next(at for at, line in enumerate(lines) if line.startswith("  run: "))
    lines[at] = f"  {step}: {json.dumps(entry)}\n"
    file.write_text("".join(lines))
    with pytest.raises(records.RecordsError, match=f"defaults, {step}: edited by hand"):
        records.read(root, "tiny")
    assert step in unproved(root)


def test_a_file_of_records_that_is_broken_is_noticed_and_written_anew(root: Path) -> None:
    file = records.path(root, "tiny")
    file.write_text("<<<<<<< ours\n")
    with pytest.raises(records.RecordsError, match="can't be read"):
        records.read(root, "tiny")
    prove_what_changed(root)
    assert set(records.read(root, "tiny")["defaults"]) == EVERY


def test_a_step_that_fails_is_no_longer_proved(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "ci", _faked(STEPS["ci"], Outcome(("it broke",))))
    prove_what_changed(root, fresh=True)
    assert unproved(root) == {"ci"}


def test_what_was_edited_while_it_was_proved_is_not_recorded(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edits(_: object) -> Outcome:
        Break("tests/proof/e2e/tiny.py", "", "# meanwhile\n").apply(root)
        return Outcome()

    edits.__module__ = STEPS["run"].prove.__module__
    monkeypatch.setitem(STEPS, "run", Step(edits, 1, check=True))
    records.path(root, "tiny").unlink()
    prove_what_changed(root)
    assert "run" in unproved(root)


def test_a_harness_that_was_edited_since_it_began_records_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.path(root, "tiny").unlink()
    monkeypatch.setitem(keys._LOADED, keys._HARNESS.folder / "step_ship.py", b"")
    prove_what_changed(root)
    assert unproved(root) == {"ship"}


def test_a_stand_in_for_the_oldest_python_is_not_recorded(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.path(root, "tiny").unlink()
    monkeypatch.setattr(pythons, "OLDEST", "3.10")
    prove_what_changed(root)
    prove_what_changed(root)
    assert unproved(root) == EVERY


# -- In the time there is


def entry(step: str, seconds: float, day: dt.date = DAY) -> Record:
    figures: dict[str, float | int | str] = {"install_s": 10.0} if step == "run" else {}
    return Record({}, day, seconds, 1.0, figures)


def test_seconds_are_those_of_last_time_or_a_guess() -> None:
    known = {"run": entry("run", 100.0), "ci": entry("ci", 20.0)}
    assert budget.unit_seconds(["run", "ci"], known) == 130.0
    assert budget.unit_seconds(["render"], known) == STEPS["render"].seconds
    assert budget.unit_seconds(["run"], {}) > STEPS["run"].seconds


def test_what_does_not_fit_is_not_begun_and_is_said(root: Path) -> None:
    records.path(root, "tiny").unlink()
    found = standing.standings(root, pairs(root))
    todo = schedule.tasks(root, pairs(root), found, STEPS)
    done = prove.prove_all(root, todo, tell=lambda _: None, budget=Budget.of(1))
    begun = {each.step for each in done if each.status == "ok"}
    assert begun == {"render"}
    lines = standing.missing(standing.standings(root, pairs(root)))
    assert len(lines) == 2
    assert "run" in lines[0]
    assert "never proved" in lines[0]
    table = report.table(report.rows(found, done))
    assert "UNPROVED" in table
    assert "now" in table


def test_defaults_come_first_then_what_waited_then_the_cheapest(root: Path) -> None:
    template = tiny(root)
    usual, other = template.answer_sets

    def task(slug: str, seconds: float, answers: object = usual) -> prove.Task:
        known = {"run": entry("run", seconds)}
        named = Spec(slug, template.answer_sets)
        return prove.Task(named, answers, ("run",), known)  # type: ignore[arg-type]

    todo = [task("slow", 90), task("quick", 5), task("waited", 500), task("any", 1, other)]
    names = [each.spec.slug for each in schedule.in_line({"waited/defaults"}, todo)]
    assert names == ["waited", "quick", "slow", "any"]


def test_the_stalest_template_is_the_one_proved_longest_ago() -> None:
    def stands(template: str, day: dt.date, why: str = "") -> Standing:
        return Standing(template, "defaults", "run", {}, entry("run", 1, day), why)

    found = [
        stands("newer", DAY + dt.timedelta(days=2)),
        stands("older", DAY),
        stands("stale", DAY - dt.timedelta(days=9), "changed: answers"),
    ]
    assert schedule.stalest(found) == "older"
    assert schedule.stalest(found[2:]) is None


def test_what_waits_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert schedule.waiting() == set()
    usual = AnswerSet("defaults", {})
    first, second, other = (
        prove.Task(Spec(slug, ()), usual, ("run",), {}) for slug in ("one", "two", "other")
    )
    schedule.keep_waiting([other], [StepResult("other", "defaults", "run", "unproved", 0.0)])
    schedule.keep_waiting(
        [first, second],
        [
            StepResult("one", "defaults", "run", "unproved", 0.0),
            StepResult("two", "defaults", "run", "ok", 1.0),
        ],
    )
    assert schedule.waiting() == {"one/defaults", "other/defaults"}
    schedule.keep_waiting([other], [StepResult("other", "defaults", "run", "ok", 1.0)])
    assert schedule.waiting() == {"one/defaults"}


def test_records_of_what_is_gone_are_forgotten(root: Path) -> None:
    shutil.copy(records.path(root, "tiny"), records.path(root, "gone"))
    records.prune(root, [("tiny", "welcome")])
    assert set(records.read(root, "tiny")) == {"welcome"}
    assert not records.path(root, "gone").exists()


def test_the_page_shows_state_figures_and_what_failed(root: Path) -> None:
    found = standing.standings(root, pairs(root))
    failed = StepResult("tiny", "defaults", "run", "failed", 2.0, ("<b> is broken",))
    report.save(root / ".proof/tiny/defaults/run.json", failed)
    made = report.rows(found, [failed])
    page = report.write(root, made, ["tiny/welcome: ship (never proved)"]).read_text()
    assert "&lt;b&gt; is broken" in page
    assert "1 failed" in page
    assert "tiny/welcome: ship (never proved)" in page
    assert standing.today().isoformat() in page
