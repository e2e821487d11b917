"""The harness is tested with a tiny template: it passes, and broken on purpose it fails.

Each break names the step that must notice it, and what that step must say.
"""

from __future__ import annotations

import re
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_scaffold.authoring import release

from . import actions, pythons, spec, step_ci, step_run, step_ship
from .domain import StepResult
from .prove import prove_unit, unit_for
from .steps import STEPS
from .unit import git

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROJECT = "templates/tiny/project"
SHARED = "templates/_shared"
SERVING = f"{PROJECT}/src/{{{{ package_name }}}}/serving.py"
DEMO = f"{PROJECT}/src/{{{{ package_name }}}}/demo.py"
WORDS = f"{PROJECT}/src/{{{{ package_name }}}}/words.py.jinja"
TESTS = f"{PROJECT}/tests/test_serving.py.jinja"

pytestmark = pytest.mark.proof


@dataclass(frozen=True)
class Break:
    """In `path`, `old` becomes `new` (no `old`: `new` is added at the end, or is a new file)."""

    path: str
    finding: str
    new: str | bytes = ""
    old: str = ""

    def apply(self, root: Path) -> None:
        path = root / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else b""
        new = self.new if isinstance(self.new, bytes) else self.new.encode()
        if self.old:
            assert self.old.encode() in before, f"{self.path} has no {self.old!r} to break"
            path.write_bytes(before.replace(self.old.encode(), new))
        elif new or not path.exists():
            path.write_bytes(before + new)
        else:
            path.unlink()


RENDER = (
    Break(f"{PROJECT}/.env.example", ".env.example is missing"),
    Break(f"{PROJECT}/a.md.jinja", "a.md: Jinja left over", "{{ '{{ project_name }}' }}\n"),
    Break(f"{PROJECT}/empty.md", "empty.md: empty"),
    Break(f"{PROJECT}/crlf.md", "crlf.md: CR line ends", b"one\r\n"),
    Break(f"{PROJECT}/latin.md", "latin.md: not UTF-8", b"caf\xe9\n"),
    Break(f"{PROJECT}/bad.yaml", "bad.yaml: not valid yaml", "a: [\n"),
    Break(f"{PROJECT}/bad.toml", "bad.toml: not valid toml", "a =\n"),
    Break(f"{PROJECT}/bad.json", "bad.json: not valid json", "{,}\n"),
    Break(f"{PROJECT}/end.md", "end.md: no newline at the end", "end"),
    Break(f"{PROJECT}/key.md", "key.md: looks like an AWS key", "AKIA" + "A" * 16 + "\n"),
    Break(f"{PROJECT}/old.md.orig", "old.md.orig: a stray name", "old\n"),
    Break(f"{PROJECT}/dice.md.jinja", "dice.md: rendered twice", "{{ range(99999) | random }}\n"),
)
READ = (
    Break(SERVING, "`make lint` fails", "\nimport this\n"),
    Break(WORDS, "`make typecheck` fails", "WORD: int =", "WORD ="),
    Break(DEMO, "`make format` changes", 'print( "hi" )\n'),
    Break(TESTS, "finds fault with a project named", "\n# {{ package_name }} " + "x" * 70 + "\n"),
    Break(
        f"{SHARED}/pyproject-tools.toml", "mypy is not strict", "strict = false", "strict = true"
    ),
    Break(f"{SHARED}/pyproject-tools.toml", "rules are not wide", '["E", "F"]', '["ALL"]'),
    Break(f"{PROJECT}/README.md.jinja", "link to gone.md", "\n[gone](gone.md)\n"),
    Break(f"{PROJECT}/README.md.jinja", "link to #gone", "\n[gone](#gone)\n"),
    Break(f"{PROJECT}/README.md.jinja", "no target for `make coffee`", "\n`make coffee`\n"),
    Break(f"{PROJECT}/README.md.jinja", "does not mention `make lock`", "", "`make lock`, "),
    Break(f"{PROJECT}/README.md.jinja", "runs tiny.gone", "\n```sh\npython -m tiny.gone\n```\n"),
    Break(f"{PROJECT}/README.md.jinja", "names deploy/gone", "\n```sh\nls deploy/gone\n```\n"),
)
START = 'os.environ["APP_PORT"] = "0"'
CALL_OUT = 'import socket\n    socket.create_connection(("127.0.0.1", PORT))\n    '
LINGER = 'import subprocess\n    subprocess.Popen(["sleep", "9"])\n    '
WRONG_SUM = ("sum(numbers) + (numbers[0] > 10)", "sum(numbers)")
SKIP = "\n\ndef test_skips() -> None:\n    pytest.skip('no time')\n"
WRITE = "\n\ndef test_writes() -> None:\n    open('x.md', 'w').close()\n"
OMIT = 'branch = true\nomit = ["*/words.py"]'
RUN = (
    Break(DEMO, "`make demo` left processes", LINGER + START, START),
    Break(DEMO, "`make demo` fails with the network cut", CALL_OUT + START, START),
    Break(SERVING, "end to end: 20 and 22 make 43", *WRONG_SUM),
    Break(TESTS, "a test was skipped: no time", SKIP),
    Break(TESTS, "the tests cover", "\n\ndef none_demo", "\n\ndef test_the_demo"),
    Break(TESTS, "leave changes in the clone", WRITE),
    Break(f"{SHARED}/pyproject-tools.toml", "words.py is left out", OMIT, "branch = true"),
)
PIN = "@5fda3b95a4ea91299a34e894583c3862153e4b97"
OTHER = "      - uses: someone/else@v1\n      - run: make setup"
CI_READ = (
    Break(
        f"{SHARED}/ci.yml",
        "actionlint finds fault",
        "runs-on: ubuntu-1.0",
        "runs-on: ubuntu-latest",
    ),
    Break(f"{SHARED}/ci.yml", "zizmor finds fault", "permissions: write-all", "permissions: {}"),
    Break(
        f"{SHARED}/ci.yml",
        "actions/setup-python is not pinned",
        "@v7",
        "@5fda3b95a4ea91299a34e894583c3862153e4b97",
    ),
    Break(f"{SHARED}/ci.yml", "v9.0.0, the current major is v10", "# v9.0.0", "# v10.0.1"),
    Break(
        f"{SHARED}/ci.yml",
        "someone/else has no stand-in",
        "      - uses: someone/else@v1\n      - run: make setup",
        "      - run: make setup",
    ),
)
CI_RUN = (Break(f"{SHARED}/ci.yml", "ci.yml on push fails", "make setup gone", "make setup"),)
DOCKERFILE = f"{SHARED}/deploy/Dockerfile"
SHIP = (
    Break(DOCKERFILE, "hadolint finds fault", "MAINTAINER somebody\n"),
    Break(DOCKERFILE, "the image's user is 'root'", "USER root", "USER 10001:10001"),
    Break(DOCKERFILE, "the container runs as root", "ENV OK=1\n"),
    Break(DOCKERFILE, "a build tool is inside", "RUN touch /usr/local/bin/gcc\n"),
    Break(DOCKERFILE, "a private file is inside", "RUN touch /app/.env\n"),
    Break(DOCKERFILE, "holds a secret: API_TOKEN", "ENV API_TOKEN=abc\n"),
    Break(
        SERVING,
        "in the container, end to end: 20",
        "sum(numbers) + (numbers[0] > 10)",
        "sum(numbers)",
    ),
    Break("templates/tiny/proof.yml", "1 MB are allowed", "max_mb: 1,", "max_mb: 400,"),
    Break("templates/tiny/proof.yml", "pydantic is inside", "[pydantic]", "[pytest]"),
    Break(f"{PROJECT}/compose.yaml.jinja", "compose.yaml is not valid", "colour: blue\n"),
    Break(
        f"{PROJECT}/deploy/kubernetes/pod.yaml.jinja",
        "not a valid manifest",
        "containerPort: x",
        "containerPort: 8000",
    ),
    Break(
        f"{PROJECT}/deploy/kubernetes/kustomization.yaml",
        "kubectl kustomize fails",
        "  - gone.yaml\n",
    ),
)
CHART = f"{PROJECT}/deploy/chart"
GOOD_CHART = (
    Break(
        f"{CHART}/Chart.yaml",
        "",
        "apiVersion: v2\nname: tiny\nversion: 0.1.0\nicon: https://example.org/x.svg\n",
    ),
    Break(f"{CHART}/values.yaml", "", "port: 8000\n"),
    Break(
        f"{CHART}/templates/service.yaml",
        "",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: tiny\nspec:\n"
        "  ports:\n    - port: {{ .Values.port }}\n",
    ),
)
BAD_CHART = (
    *GOOD_CHART[:2],
    Break(f"{CHART}/values.yaml", "deploy/chart/Chart.yaml is not a valid", "port: high\n"),
    *GOOD_CHART[2:],
)
KEEP_UP = (
    Break(f"{PROJECT}/constraints.txt", "iniconfig 2", "", "iniconfig=="),
    Break(f"{PROJECT}/constraints.txt", "not `name==version`: pluggy>=", "pluggy>=", "pluggy=="),
    Break(
        f"{PROJECT}/pyproject.toml.jinja",
        "'pluggy' has no lower bound",
        '"pluggy",\n  "uv>',
        '"uv>',
    ),
)
BREAKS = {
    "render": ("render", RENDER),
    "read": ("read", READ),
    "run": ("run", RUN),
    "ci, read": ("ci", CI_READ),
    "ci, run": ("ci", CI_RUN),
    "ship": ("ship", SHIP),
    "keep-up": ("keep-up", KEEP_UP),
}


def checkout(folder: Path) -> Path:
    """A checkout with the tiny template alone, on this project's program and shared parts."""
    shutil.copytree(HERE / "catalog", folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "releases").mkdir()
    shutil.copytree(ROOT / SHARED, folder / SHARED)
    shutil.copy(ROOT / "copier.yml", folder)
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- The start.\n")
    set_version(folder, "0.1.0.dev0")
    return folder


def test_workflows_that_depend_on_an_answer_are_run_with_it(tmp_path: Path) -> None:
    root = checkout(tmp_path / "checkout")
    setup = "make {{ 'setup gone' if tiny_word == 'welcome' else 'setup' }}"
    Break(f"{SHARED}/ci.yml", "", setup, "make setup").apply(root)
    (ci,) = prove(root, "ci", answers="welcome")
    assert ci.status == "failed"
    assert "ci.yml on push fails: there is no target for `make gone`" in ci.findings[0]


TRAIN = """\
name: train
on:
  schedule:
    - cron: "17 4 * * 1"
permissions: {}
concurrency: train
jobs:
  train:
    name: Train
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions:
      contents: read
    env:
      APP_SUM: "3"
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: make train
      - run: grep 3 var/sum
"""
TRAINED = (
    Break(f"{PROJECT}/.github/workflows/train.yml", "", TRAIN),
    Break(f"{SHARED}/gitignore", "", "\n/var/\n"),
    Break(
        f"{PROJECT}/Makefile.jinja",
        "",
        "\n.PHONY: train\ntrain: setup ## Add\n"
        '\tmkdir -p var; test -n "$$CI"; echo $${APP_SUM:-4} > var/sum\n',
    ),
)


@pytest.mark.parametrize(
    "breaks",
    [
        (),
        (Break(f"{PROJECT}/Makefile.jinja", "`make train` of job train fails", "\tfalse\n"),),
        (
            Break(
                f"{PROJECT}/.github/workflows/train.yml",
                "train.yml on schedule fails",
                "grep 5",
                "grep 3",
            ),
        ),
    ],
)
def test_what_a_workflow_alone_calls_is_run_once_with_its_settings(
    tmp_path: Path, breaks: tuple[Break, ...]
) -> None:
    root = checkout(tmp_path / "checkout")
    for each in (*TRAINED, *breaks):
        each.apply(root)
    (ci,) = prove(root, "ci")
    wanted = [each.finding for each in breaks]
    assert all(any(part in said for said in ci.findings) for part in wanted), ci.findings
    assert bool(ci.findings) == bool(wanted), ci.findings
    calls = (root / ".proof/tiny/defaults/logs/ci-targets.log").read_text()
    assert calls.count("$ make train") == 1
    if not breaks:
        assert ci.figures["ci_targets"] == "train"


def test_a_deep_proof_runs_the_real_jobs(tmp_path: Path) -> None:
    wanted = {"3.11", "3.13"} & pythons.interpreters().keys()
    root = checkout(tmp_path / "checkout")
    (ci,) = prove(root, "ci", deep=True)
    tested = re.findall(r"Test on Python ([\d.]+)", str(ci.figures.get("jobs_run")))
    assert (ci.findings, set(tested)) == ((), wanted)
    (same,) = prove(root, "ci", answers="welcome", deep=True)
    assert (same.status, same.figures["jobs_run"]) == ("ok", "as at the defaults")


def test_a_real_job_that_fails_is_noticed(tmp_path: Path) -> None:
    root = checkout(tmp_path / "checkout")
    Break(f"{SHARED}/Makefile", "", '\ttest -z "$$ACT"\n\t$(BIN)/mypy', "\t$(BIN)/mypy").apply(root)
    (ci,) = prove(root, "ci", deep=True)
    assert any("the real ci.yml on push fails" in each for each in ci.findings), ci.findings


def test_the_projects_own_workflows_are_held_to_the_same(tmp_path: Path) -> None:
    root = checkout(tmp_path / "checkout")
    tiny = spec.load(root, "tiny")
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    assert workflows
    with unit_for(root, tiny, spec.answer_set(tiny, "defaults")) as unit:
        findings = [*step_ci.lint(unit, ROOT)]
    for each in workflows:
        findings += actions.pin_findings(each, actions.used(each))
    assert findings == []


def set_version(root: Path, version: str) -> None:
    file = root / "src/mlops_scaffold/__init__.py"
    text = re.sub(
        r"^__version__ = .*$", f'__version__ = "{version}"', file.read_text(), flags=re.MULTILINE
    )
    file.write_text(text)


def prove(
    root: Path, *steps: str, answers: str = "defaults", deep: bool = False
) -> list[StepResult]:
    tiny = spec.load(root, "tiny")
    with unit_for(root, tiny, spec.answer_set(tiny, answers), deep=deep) as unit:
        return prove_unit(unit, steps, lambda _: None)


@pytest.mark.parametrize("answers", ["defaults", "welcome"])
def test_the_tiny_template_passes(tmp_path: Path, answers: str) -> None:
    results = prove(checkout(tmp_path / "catalog"), *STEPS, answers=answers)
    failed = [(each.step, each.findings) for each in results if each.status == "failed"]
    assert failed == []


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_template_is_noticed(name: str, tmp_path: Path) -> None:
    step, breaks = BREAKS[name]
    root = checkout(tmp_path / "catalog")
    for each in breaks:
        each.apply(root)
    with socket.create_server(("127.0.0.1", 0)) as outside:  # not to be seen with the network cut
        demo = root / DEMO
        demo.write_text(demo.read_text().replace("PORT)", f"{outside.getsockname()[1]})"))
        (result,) = prove(root, step)
    if result.status == "skipped":
        pytest.skip(result.findings[0])
    missed = [
        each.finding for each in breaks if not any(each.finding in said for said in result.findings)
    ]
    assert missed == [], "\n".join(result.findings)


@pytest.mark.parametrize("chart", [GOOD_CHART, BAD_CHART])
def test_helm_charts_are_rendered_and_validated(tmp_path: Path, chart: tuple[Break, ...]) -> None:
    folder = tmp_path / "project"
    for each in chart:
        each.apply(folder)
    tiny = spec.load(checkout(tmp_path / "catalog"), "tiny")
    with unit_for(tmp_path / "catalog", tiny, tiny.answer_sets[0]) as unit:
        said = list(step_ship.manifest_findings(unit, folder / PROJECT))
    wanted = [each.finding for each in chart if each.finding]
    assert len(said) == len(wanted), said
    assert all(part in text for part, text in zip(wanted, said, strict=True))


SLEEP = "import time\n\ntime.sleep"
MAIN = f"{PROJECT}/src/{{{{ package_name }}}}/__main__.py"
JOB = (
    Break(
        "templates/tiny/proof.yml",
        "",
        "command: [20, 22], state: /app/var",
        "port: 8000, health: /health/ready",
    ),
    Break(
        f"{PROJECT}/Dockerfile.jinja",
        "",
        '{% set image_job = ["1", "2"] %}{% set image_state = "/app/var" -%}\n{% include',
        "{% include",
    ),
    Break(
        MAIN,
        "",
        "import sys\nfrom pathlib import Path\n\nsum_ = sum(map(int, sys.argv[1:]))\n"
        'Path("/app/var/sum").write_text(str(sum_))\n',
    ),
)


@pytest.mark.parametrize(
    "breaks",
    [
        (),
        (Break(MAIN, "in the container, end to end: 20 and 22 make 43", "sum_ + 1))", "sum_))"),),
        (Break(MAIN, "the container's job fails (exit 3)", "raise SystemExit(3)\n"),),
        # As process 1 of a container, one that has no handler does not notice SIGTERM.
        (Break(MAIN, "SIGTERM does not end the container well", f"{SLEEP}(9)\n"),),
    ],
)
def test_a_job_image_is_run_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: tuple[Break, ...]
) -> None:
    monkeypatch.setattr(step_ship, "_STOP_LIMIT", 3.0)
    root = checkout(tmp_path / "catalog")
    for each in (*JOB, *breaks):
        each.apply(root)
    (result,) = prove(root, "ship")
    if result.status == "skipped":
        pytest.skip(result.findings[0])
    wanted = [each.finding for each in breaks]
    assert len(result.findings) == len(wanted), result.findings
    assert all(part in said for part, said in zip(wanted, result.findings, strict=True))


def test_a_step_that_takes_too_long_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(step_run.LIMITS, "test", 0.001)
    monkeypatch.setattr(step_run, "_HARD", 60_000)
    (result,) = prove(checkout(tmp_path / "catalog"), "run")
    assert any("`make test` took" in each for each in result.findings), result.findings


def test_tests_that_need_too_much_time_by_themselves_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_run, "CORES", 0.001)
    (result,) = prove(checkout(tmp_path / "catalog"), "run")
    assert any("`make test` used" in each for each in result.findings), result.findings


NEWEST_BREAK = (
    "\n\ndef test_is_old() -> None:\n    import sys\n\n    assert sys.version_info < (3, 13)\n"
)


def test_tests_that_fail_with_the_newest_python_alone_are_noticed(tmp_path: Path) -> None:
    root = checkout(tmp_path / "catalog")
    Break(TESTS, "", NEWEST_BREAK).apply(root)
    (result,) = prove(root, "newest")
    if result.status == "skipped":
        pytest.skip(result.findings[0])
    assert any("with Python 3.13, `make test` fails" in each for each in result.findings)


def released(folder: Path) -> Path:
    """A checkout that has released the tiny template once and goes on as a development version."""
    root = checkout(folder)
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "Begin"]):
        git("-C", str(root), *arguments)
    release.cut(root, "0.1.0")
    shutil.rmtree(root / ".git")
    set_version(root, "0.2.0.dev0")
    return root


def test_a_released_version_upgrades(tmp_path: Path) -> None:
    root = released(tmp_path / "catalog")
    Break(SERVING, "", '"""The service, renewed."""', '"""The service."""').apply(root)
    Break(f"{PROJECT}/new.md", "", "# New\n").apply(root)
    Break(f"{PROJECT}/.editorconfig.jinja", "", "\n[*.new]\nindent_size = 2\n").apply(root)
    (result,) = prove(root, "upgrade")
    assert (result.status, result.findings) == ("ok", ())
    assert result.figures["upgrades"] == 1


def test_a_template_that_takes_the_place_of_edits_is_noticed(tmp_path: Path) -> None:
    root = released(tmp_path / "catalog")
    Break(f"{PROJECT}/README.md.jinja", "", "\n## Where owners put their notes\n").apply(root)
    (result,) = prove(root, "upgrade")
    assert any("`mlops-scaffold upgrade` ends with 3" in each for each in result.findings)


def test_an_upgrade_that_breaks_the_tests_is_noticed(tmp_path: Path) -> None:
    root = released(tmp_path / "catalog")
    Break(SERVING, "", "sum(numbers) + 1", "sum(numbers)").apply(root)
    (result,) = prove(root, "upgrade", deep=True)
    assert any("`make test` fails after the upgrade" in each for each in result.findings)


READS_MAKEFILE = """\

def test_reads_the_makefile() -> None:
    with open("Makefile") as file:
        assert ".PHONY: ours" not in file.read()
"""


@pytest.mark.parametrize(
    ("broken", "finding"),
    [
        (Break(TESTS, "", f"\n{READS_MAKEFILE}"), "`make test` fails after the upgrade"),
        (
            Break(f"{PROJECT}/Makefile.jinja", "", "ours: gone\n\n.PHONY: demo", ".PHONY: demo"),
            "`make ours` fails after the upgrade",
        ),
    ],
)
def test_a_merged_file_that_does_not_work_is_noticed(
    tmp_path: Path, broken: Break, finding: str
) -> None:
    root = released(tmp_path / "catalog")
    broken.apply(root)
    (result,) = prove(root, "upgrade")
    assert any(finding in each for each in result.findings), result.findings
