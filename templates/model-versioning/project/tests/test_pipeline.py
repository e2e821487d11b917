"""The pipeline runs the stages whose inputs changed, and no others."""

from collections.abc import Callable

import pytest

from .conftest import Project, set_param


def test_without_changes_no_stage_runs(project: Project, printed: Callable[[], str]) -> None:
    assert project.call("reproduce") == 0
    assert printed() == "nothing changed, so no stage ran\n"
    assert project.git.changes() == []


@pytest.mark.parametrize(
    ("old", "new", "stages"),
    [
        ("C: 1.0", "C: 0.5", ["train", "evaluate"]),
        ("degree: 1", "degree: 2", ["featurize", "train", "evaluate"]),
    ],
)
def test_a_changed_parameter_runs_only_downstream_stages(
    project: Project, printed: Callable[[], str], old: str, new: str, stages: list[str]
) -> None:
    set_param(project, old, new)
    assert project.call("stale") == 5
    assert printed() == f"dvc.lock is stale: {stages[0]} would run. Run `make run`, then commit\n"
    assert project.call("reproduce") == 0
    assert f"ran {', '.join(stages)}\n" in printed()
    changed = {line[3:] for line in project.git.changes()}
    assert {"params.yaml", "dvc.lock", "metrics.json"} <= changed
    assert project.call("stale") == 0


def test_a_lock_is_found_stale_without_the_data(
    project: Project, printed: Callable[[], str]
) -> None:
    clone = project.clone("clone")
    assert clone.call("stale") == 0
    assert printed() == "dvc.lock matches the working tree\n"
    source = next(clone.root.glob("src/*/stages/evaluate.py"))
    source.write_text(source.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert clone.call("stale") == 5
    assert printed() == "dvc.lock is stale: evaluate would run. Run `make run`, then commit\n"


def test_a_lock_is_found_stale_for_new_data_without_pulling_it(project: Project) -> None:
    clone = project.clone("clone")
    pointer = clone.root / "data/raw.dvc"
    older = clone.git.run("show", "v1.0.0:data/raw.dvc")
    assert older != pointer.read_text(encoding="utf-8")
    pointer.write_text(older, encoding="utf-8")
    assert clone.call("stale") == 5


def test_a_new_project_has_no_stale_lock(new_project: Project, printed: Callable[[], str]) -> None:
    assert new_project.call("stale") == 0
    assert "no dvc.lock yet" in printed()


def test_bad_data_fails_in_the_first_stage(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    for file in (project.root / "data/raw").rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            file.write_bytes(b"id,label\nx,y\n")
    before = (project.root / "dvc.lock").read_bytes()
    assert project.call("reproduce") == 3
    assert "error: prepare: " in capfd.readouterr().err
    assert (project.root / "dvc.lock").read_bytes() == before
