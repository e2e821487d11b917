"""CPU time of `upgrade` against `copier update`, for the same change on the same repository.

A copy of this checkout releases two versions of its catalog; its wheel is installed, byte-compiled,
in a fresh environment. Both tools bring copies of one project, with its owner's edits, from the
first version to the second, in turns. Also a fleet of 20 projects, and a project in a repository
with 50,000 other files. Exits with 1 when a ratio is over its limit.

    .venv/bin/python benchmarks/upgrade.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from mlops_scaffold.authoring import release
from mlops_scaffold.source import releases

ROOT = Path(__file__).parents[1]
TEMPLATE = "templates/model-service/project"
LIMIT_ONE, LIMIT_FLEET = 0.6, 8.0
FLEET = 20
MANY = 50_000


class Cost(NamedTuple):
    cpu: float  # seconds, with all processes it started
    wall: float
    memory: float  # MiB, of the largest process


class Tools(NamedTuple):
    ours: str
    copier: str
    store: Path  # both versions, as a bare repository


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="mlops-scaffold-bench-") as scratch:
        home = Path(scratch)
        os.environ |= {
            "MLOPS_SCAFFOLD_CACHE_DIR": str(home / "cache"),
            "COPIER_CACHE_DIR": str(home / "copier-cache"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        for role in ("AUTHOR", "COMMITTER"):
            os.environ |= {f"GIT_{role}_NAME": "Owner", f"GIT_{role}_EMAIL": "o@example.org"}
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        tools = install(home)
        return report(one(tools, home, rounds), fleet(tools, home), many(tools, home))


def install(home: Path) -> Tools:
    """Release two versions from a copy of this checkout, and install the result."""
    checkout = home / "checkout"
    for name in run(["git", "ls-files", "-z"], ROOT).decode().split("\0")[:-1]:
        if not name.startswith("releases/") and (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    (checkout / "releases").mkdir()
    # What is measured is not a proof: without one in the copy, it may be released unproved.
    shutil.rmtree(checkout / "tests")
    run(["git", "init", "-q"], checkout)
    ready(checkout, "0.1.0")
    release.cut(checkout, "0.1.0")
    for name in ("Makefile", "README.md.jinja", "Dockerfile", "pyproject.toml.jinja"):
        file = checkout / TEMPLATE / name
        file = file if file.is_file() else file.with_name(f"{name}.jinja")
        if file.is_file():
            file.write_text(f"# The next version.\n{file.read_text()}")
    (checkout / TEMPLATE / "next.txt").write_text("new in this version\n")
    ready(checkout, "0.2.0")
    release.cut(checkout, "0.2.0")
    run(["uv", "build", "-q", "--wheel", "--out-dir", str(home / "dist"), "."], checkout)
    run(["uv", "venv", "-q", "--python", sys.executable, str(home / "env")], home)
    wheel = next((home / "dist").glob("*.whl"))
    python = str(home / "env/bin/python")
    run(["uv", "pip", "install", "-q", "--compile-bytecode", "--python", python, wheel], home)
    store = home / "catalog.git"
    releases.unpack(checkout / "releases", store)
    commands = home / "env/bin"
    return Tools(str(commands / "mlops-scaffold"), str(commands / "copier"), store)


def ready(checkout: Path, version: str) -> None:
    """Make the copy ready to be released as `version`."""
    changelog = f"# Changelog\n\n## Unreleased\n\n- All of {version}.\n"
    (checkout / "CHANGELOG.md").write_text(changelog)
    file = checkout / "src/mlops_scaffold/__init__.py"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("__version__")]
    lines.append(f'__version__ = "{Version(version)}.dev0"')
    file.write_text("\n".join([*lines, ""]))
    commit(checkout)


def project(tools: Tools, folder: Path) -> Path:
    """A project of the first version, edited by its owner."""
    call = [tools.ours, "new", "model-service", folder.name, "--version", "0.1.0", "-y"]
    run(call, folder.parent)
    for name in ("README.md", ".gitignore"):
        with (folder / name).open("a") as file:
            file.write("\n# of its owner\n")
    (folder / "own.py").write_text("print('mine')\n")
    commit(folder)
    return folder


def one(tools: Tools, home: Path, rounds: int) -> dict[str, float]:
    """Median CPU seconds of each tool."""
    ours = project(tools, home / "shop")
    theirs = home / "shop-of-copier"
    shutil.copytree(ours, theirs, symlinks=True)
    record = theirs / ".copier-answers.yml"
    text = record.read_text().replace("mlops-scaffold://catalog.git", str(tools.store))
    record.write_text(text)
    commit(theirs)
    calls = {
        "mlops-scaffold upgrade": (ours, [tools.ours, "upgrade", "-y"]),
        "copier update": (theirs, [tools.copier, "update", "--defaults", "--quiet"]),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):  # the first only warms up
        for name, (original, call) in calls.items():
            copy = home / "copy"
            shutil.copytree(original, copy, symlinks=True)
            cost = measure(call, copy)
            arrived(copy)
            shutil.rmtree(copy)
            if number:
                times[name].append(cost.cpu)
    return {name: statistics.median(values) for name, values in times.items()}


def fleet(tools: Tools, home: Path) -> Cost:
    """Projects of many names: none can share another's render."""
    folders = [project(tools, home / f"fleet-{number}") for number in range(FLEET)]
    cost = measure([tools.ours, "upgrade", "-y", *map(str, folders)], home)
    for folder in folders:
        arrived(folder)
    return cost


def many(tools: Tools, home: Path) -> Cost:
    """A project beside many other files."""
    top = home / "large"
    run(["git", "init", "-q", str(top)], home)
    for number in range(MANY):
        file = top / "others" / str(number // 500) / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{number}\n")
    folder = project(tools, top / "shop")
    return measure([tools.ours, "upgrade", "-y"], folder)


def arrived(folder: Path) -> None:
    if not (folder / "next.txt").is_file():
        sys.exit(f"{folder.name} is not at the new version")


def measure(call: list[str], folder: Path) -> Cost:
    started = time.perf_counter()
    with subprocess.Popen(call, cwd=folder, stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{call} ended with {child.returncode}")
    wall = time.perf_counter() - started
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def commit(folder: Path) -> None:
    run(["git", "add", "-A"], folder)
    run(["git", "commit", "-qm", "Work"], folder)


def run(command: list[str | Path], folder: Path) -> bytes:
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout


def report(single: dict[str, float], all_of_them: Cost, large: Cost) -> int:
    """Print what was measured; returns the exit code."""
    ours, theirs = single.values()
    for name, seconds in single.items():
        print(f"{name:32}{seconds:8.2f} CPU s")
    print(f"{f'upgrade of {FLEET} projects':32}{all_of_them.cpu:8.2f} CPU s")
    print(
        f"{f'upgrade beside {MANY} files':32}{large.cpu:8.2f} CPU s"
        f"{large.wall:8.2f} s{large.memory:8.0f} MiB"
    )
    ratios = {
        "upgrade / copier update": (ours / theirs, LIMIT_ONE),
        f"{FLEET} projects / one": (all_of_them.cpu / ours, LIMIT_FLEET),
    }
    for name, (ratio, limit) in ratios.items():
        print(f"{name:32}{ratio:8.2f}  limit {limit}: {'ok' if ratio <= limit else 'OVER'}")
    return 0 if all(ratio <= limit for ratio, limit in ratios.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
