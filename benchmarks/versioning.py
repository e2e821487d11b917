"""Large data in versions: 100,000 files, and one of 2 GB, beside plain `dvc` in the same run.

    python benchmarks/versioning.py [--files 100000] [--megabytes 2000] [--rounds 1] [--work DIR]

Renders `model-versioning` and puts both data sets into a repository each. `dvc add` versions
them for both sides. Then the data is pushed to a folder of its own, once by `versions` (which
asks the remote what it has) and once by `dvc push`; brought back in a fresh clone, by `dvc pull`
from what either has pushed, and compared byte for byte; and read through by `versions verify`'s
own function, for which plain `dvc` has no counterpart. Sides take turns. Time is the wall's, and
CPU seconds and peak memory are those of the process. Fails if something comes back changed.
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
SIDES = ("versions", "dvc")
PACKAGE = "bench_versions"
BLOCK = 1 << 20
PUSH = f"""
from pathlib import Path
from {PACKAGE}.versions.store import opened
with opened(Path.cwd()) as store:
    store.push(store.tracked())
"""
VERIFY = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from {PACKAGE}.versions.store import opened
from {PACKAGE}.versions.verify import states
with opened(Path.cwd()) as store:
    names = {{name: path for each in store.tracked() for path, name in store.members(each).items()}}
    bad = list(states(store, "remote", names, quick=False))
assert not bad, bad[:3]
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    wall: float
    cpu: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.wall:8.1f} s {self.cpu:8.1f} CPU s {self.megabytes:8.0f} MB"


def measure(*command: str | Path, cwd: Path) -> Cost:
    """Run a command; its time and its peak memory."""
    env = {**os.environ, "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "true"}
    start = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed:\n{said.decode()[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(time.monotonic() - start, cpu, usage.ru_maxrss / 1024)


def run(*command: str | Path, cwd: Path) -> None:
    """Run a preparation."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def install(work: Path) -> Path:
    """Render the project and install it; its folder of commands."""
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
    """Write many small files, a thousand to a folder."""
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
            file.write(source.randbytes(BLOCK))


def digest(folder: Path) -> str:
    """One digest of all names and bytes under a folder."""
    total = hashlib.blake2b()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "blake2b").digest())
    return total.hexdigest()


def contest(name: str, work: Path, commands: Path, size: int, seed: int) -> None:
    """Version one data set, push it by both sides, bring it back, compare."""
    python, dvc = commands / "python", commands / "dvc"
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    owner = folder / "owner"
    owner.mkdir(parents=True)
    run("git", "init", "--quiet", owner, cwd=folder)
    run(dvc, "init", "--quiet", cwd=owner)
    (write_files if name == "files" else write_large)(owner / "data", size, seed)
    wanted = digest(owner / "data")
    print(f"{name}: add      by dvc       {measure(dvc, 'add', '--quiet', 'data', cwd=owner)}")
    for side in SIDES if seed % 2 else SIDES[::-1]:
        config = f"[core]\n    remote = r\n['remote \"r\"']\n    url = {folder / side}\n"
        (owner / ".dvc/config").write_text(config)
        push = (python, "-c", PUSH) if side == "versions" else (dvc, "push", "--quiet")
        print(f"{name}: push     by {side:<9} {measure(*push, cwd=owner)}", flush=True)
        clone = folder / f"clone-{side}"
        shutil.copytree(owner, clone, ignore=shutil.ignore_patterns("data", "cache", "tmp"))
        pulled = measure(dvc, "pull", "--quiet", cwd=clone)
        print(f"{name}: pull     of {side:<9} {pulled}", flush=True)
        if digest(clone / "data") != wanted:
            sys.exit(f"{name}: what {side} pushed comes back as something else")
        shutil.rmtree(clone)
        if side == "versions":
            print(f"{name}: verify   by versions  {measure(python, '-c', VERIFY, cwd=owner)}")
    shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = (chosen.work or Path(scratch)).absolute()
        work.mkdir(parents=True, exist_ok=True)
        commands = install(work)
        for seed in range(1, chosen.rounds + 1):
            contest("files", work, commands, chosen.files, seed)
            contest("large", work, commands, chosen.megabytes, seed)
    print("all came back byte for byte")


if __name__ == "__main__":
    main()
