"""Versioning of large data: 100,000 files, and one file of 2 GB, compared with plain `dvc`.

    python benchmarks/versioning.py [--files 100000] [--megabytes 2000] [--rounds 1] [--work DIR]

Renders `model-versioning` and creates one repository per data set. `dvc add` versions the data for
both tools. Then each tool pushes the data to its own folder: `versions`, which queries what the
remote has, and `dvc push`. `dvc pull` restores each push in a fresh clone, which is compared byte
for byte. `versions verify`'s function reads all objects; plain `dvc` has no counterpart for that.
The tools take turns. Times are wall clock and CPU seconds, memory is the peak of the process. Fails
if restored data differs.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("versions", "dvc")
PACKAGE = "bench_versions"
BLOCK_SIZE = 1 << 20
PUSH = f"""
from pathlib import Path
from {PACKAGE}.versions.store import open_store
with open_store(Path.cwd()) as store:
    store.push(store.tracked())
"""
VERIFY = f"""
from pathlib import Path
from {PACKAGE}.versions.store import open_store
from {PACKAGE}.versions.verify import find_problems
with open_store(Path.cwd()) as store:
    names = {{name: path for each in store.tracked() for path, name in store.members(each).items()}}
    problems = list(find_problems(store, "remote", names, quick=False))
assert not problems, problems[:3]
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Time and memory of a command."""

    wall: float
    cpu: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.wall:8.1f} s {self.cpu:8.1f} CPU s {self.megabytes:8.0f} MB"


def measure(*command: str | Path, cwd: Path) -> Cost:
    """Run a command and measure its time and peak memory."""
    env = {**os.environ, "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "true"}
    start = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed:\n{errors.decode()[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(time.monotonic() - start, cpu, usage.ru_maxrss / 1024)


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command that is not measured."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def install(work: Path) -> Path:
    """Render the project and install it; returns the folder of its commands."""
    new: list[str | Path] = [
        sys.executable,
        "-m",
        "mlops_scaffold",
        "new",
        "model-versioning",
        work / "project",
    ]
    if not (work / "project").exists():
        run(*new, "--defaults", "-d", "project_name=bench-versions", cwd=ROOT)
    run("make", "setup", cwd=work / "project")
    return work / "project/.venv/bin"


def write_files(folder: Path, count: int, seed: int) -> None:
    """Write many small files, a thousand per folder."""
    source = random.Random(seed)  # noqa: S311, test data
    for number in range(count):
        path = folder / f"{number // 1000:04}" / f"{number:07}.bin"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(source.randbytes(source.randrange(100, 2000)))


def write_large(folder: Path, megabytes: int, seed: int) -> None:
    """Write one large file."""
    source = random.Random(seed)  # noqa: S311, test data
    folder.mkdir(parents=True)
    with (folder / "large.bin").open("wb") as file:
        for _ in range(megabytes):
            file.write(source.randbytes(BLOCK_SIZE))


def digest(folder: Path) -> str:
    """Compute one digest of all names and bytes under a folder."""
    total = hashlib.blake2b()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "blake2b").digest())
    return total.hexdigest()


def compare_tools(name: str, work: Path, commands: Path, size: int, seed: int) -> None:
    """Version one data set, push it with both tools, restore it and compare."""
    python, dvc = commands / "python", commands / "dvc"
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    owner = folder / "owner"
    owner.mkdir(parents=True)
    run("git", "init", "--quiet", owner, cwd=folder)
    run(dvc, "init", "--quiet", cwd=owner)
    (write_files if name == "files" else write_large)(owner / "data", size, seed)
    expected = digest(owner / "data")
    print(f"{name}: add      by dvc       {measure(dvc, 'add', '--quiet', 'data', cwd=owner)}")
    for tool in TOOLS if seed % 2 else TOOLS[::-1]:
        config = f"[core]\n    remote = r\n['remote \"r\"']\n    url = {folder / tool}\n"
        (owner / ".dvc/config").write_text(config)
        push = (python, "-c", PUSH) if tool == "versions" else (dvc, "push", "--quiet")
        print(f"{name}: push     by {tool:<9} {measure(*push, cwd=owner)}", flush=True)
        clone = folder / f"clone-{tool}"
        shutil.copytree(owner, clone, ignore=shutil.ignore_patterns("data", "cache", "tmp"))
        pulled = measure(dvc, "pull", "--quiet", cwd=clone)
        print(f"{name}: pull     of {tool:<9} {pulled}", flush=True)
        if digest(clone / "data") != expected:
            sys.exit(f"{name}: the data pushed by {tool} differs when it is restored")
        shutil.rmtree(clone)
        if tool == "versions":
            print(f"{name}: verify   by versions  {measure(python, '-c', VERIFY, cwd=owner)}")
    shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).absolute()
        work.mkdir(parents=True, exist_ok=True)
        commands = install(work)
        for seed in range(1, options.rounds + 1):
            compare_tools("files", work, commands, options.files, seed)
            compare_tools("large", work, commands, options.megabytes, seed)
    print("all data was restored byte for byte")


if __name__ == "__main__":
    main()
