"""README says what the program does, all of it, and nothing that it doesn't."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops_scaffold.cli.catalog_views import project_data
from mlops_scaffold.cli.fast_path import VERBS
from mlops_scaffold.errors import ExitCode
from tests import docs
from tests.proof import page
from tests.unit.test_catalog import OURS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_generated_parts_are_up_to_date() -> None:
    assert docs.updated(README) == README, "run: make docs"


def test_the_page_on_the_proof_is_up_to_date() -> None:
    assert page.path(ROOT).read_text("utf-8") == page.markdown(ROOT), "run: make docs"


@pytest.mark.parametrize(("path", "command"), tuple(docs.commands()), ids=str)
def test_every_command_and_option_is_in_the_reference(path: str, command: object) -> None:
    section = README[README.index(f"### `{path}") :].partition("\n### ")[0]
    assert getattr(command, "help", ""), "a command without help"
    for parameter in getattr(command, "params", []):
        if parameter.name != "help":
            assert parameter.help, f"{parameter.name} has no help"
            assert docs.in_table(parameter.help) in section
        if parameter.param_type_name == "option" and parameter.name != "help":
            assert all(option in section for option in parameter.opts)


def test_help_lists_exactly_the_commands_there_are() -> None:
    declared = {path.split()[1] for path, _ in docs.commands()}
    assert declared == set(VERBS)


def test_every_exit_code_is_documented() -> None:
    section = README.partition("### Exit codes")[2]
    assert all(f"| {int(code)} |" in section for code in ExitCode)


def test_every_key_of_a_project_is_documented() -> None:
    section = README.partition("### JSON")[2]
    assert all(f"`{key}`" in section for key in project_data(OURS, OURS.projects[0]))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    text = (ROOT / name).read_text("utf-8")
    inside = {"run", "typecheck", "image", "up", "down"}  # of a repository that was made
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert named - inside <= targets


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_link_and_file_that_is_named_exists(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    files = re.findall(r"`((?:src|tests|templates|benchmarks|releases)/[\w./-]+)`", text)
    assert [path for path in (*links, *files) if not (ROOT / path).exists()] == []


def test_the_example_in_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = README.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102  # it is our own
    assert "drift-monitor" in capsys.readouterr().out
    assert (tmp_path / "fraud-api" / "Makefile").is_file()
