"""Killed, out of space, not allowed to write: the repository can always be brought back."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git.repo import Repo, open_repo
from mlops_scaffold.upgrade import journal
from mlops_scaffold.upgrade.apply import carry_on
from mlops_scaffold.upgrade.journal import Journal, Phase
from mlops_scaffold.upgrade.undo import undo
from tests.upgrade.support import World, git, index, make_world, read, write

LINES = "".join(f"line {n}\n" for n in range(20))
POINTS = int(os.environ.get("MLOPS_SCAFFOLD_KILLS", "200"))
CHUNK = 20

# Runs one upgrade, and kills itself at the n-th thing it does that touches the system.
CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.upgrade.support import World
root, limit = Path(sys.argv[2]), int(sys.argv[3])
world = World(root, root / "base", root / "new", root / "repo", root / "repo" / sys.argv[4])
seen = 0
watched = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "subprocess.Popen",
           "shutil.copyfile", "os.chmod", "os.listdir"}
def count(event, args):
    global seen
    if event in watched:
        seen += 1
        if seen == limit:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
world.upgrade()
print(seen)
"""


def world(root: Path, *, conflict: bool, prefix: str = "") -> World:
    base = {
        "a.py": LINES,
        "lib/b.py": LINES,
        "lib/gone/c.py": "only here\n",
        "turned": "a file\n",
        ".env": "default\n",
        ".gitignore": ".env\n",
        "run.sh": "#!/bin/sh\n",
    }
    change = {
        "a.py": LINES.replace("line 3\n", "template\n"),
        "lib/gone/c.py": None,
        "turned": None,
        "turned/into.txt": "a folder\n",
        "new/deep/file.txt": "new\n",
        "new/link": "-> deep/file.txt",
        ".env": "default\nmore\n",
        "run.sh": None,
        "run.sh!": "#!/bin/sh\n",
    }
    case = make_world(root, base, change, prefix=prefix)
    mine = LINES.replace("line 3\n", "mine\n") if conflict else LINES + "mine\n"
    case.own({"a.py": mine, "own.txt": "mine\n"})
    write(case.project, {"untracked.txt": "mine\n"})
    (case.project / "empty").mkdir()
    return case


def run_child(case: World, limit: int) -> subprocess.CompletedProcess[str]:
    prefix = str(case.project.relative_to(case.repo))
    top = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", CHILD, top, str(case.root), str(limit), prefix]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def steps(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many things an upgrade does that a kill can come between."""
    done = run_child(world(tmp_path_factory.mktemp("count"), conflict=False), 0)
    assert done.returncode == 0, done.stderr
    count = int(done.stdout)
    assert count > 60
    return count


@pytest.mark.parametrize("chunk", range(max(POINTS // CHUNK, 1)))
def test_killed_anywhere(tmp_path: Path, steps: int, chunk: int) -> None:
    rng = random.Random(chunk)  # noqa: S311
    for number in range(CHUNK):
        root = tmp_path / str(number)
        case = world(root, conflict=rng.random() < 0.5, prefix=rng.choice(("", "in/a folder/")))
        before, staged = read(case.repo), index(case.repo)
        limit = rng.randrange(1, steps + 1)
        killed = run_child(case, limit)
        assert killed.returncode in (0, -signal.SIGKILL), killed.stderr
        check_recovery(case, before, staged, forward=rng.random() < 0.5)


def test_killed_at_any_time_by_someone_else(tmp_path: Path) -> None:
    rng = random.Random(1)  # noqa: S311
    for number in range(20):
        case = world(tmp_path / str(number), conflict=rng.random() < 0.5)
        before, staged = read(case.repo), index(case.repo)
        top = str(Path(__file__).parents[2])
        command = [sys.executable, "-c", CHILD, top, str(case.root), "0", "."]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, process_group=0) as child:
            time.sleep(0.1 + rng.random() * 0.5)
            os.killpg(child.pid, signal.SIGKILL)
        check_recovery(case, before, staged, forward=number % 2 == 0)


def test_killed_while_git_held_the_new_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git leaves a lock behind when it is killed; going on must not stumble over it."""
    case = world(tmp_path, conflict=False)
    run = Repo.run

    def killed(repo: Repo, *args: str, **options: Any) -> bytes:
        if "--refresh" in args:
            Path(options["env"]["GIT_INDEX_FILE"] + ".lock").write_bytes(b"half")
            os._exit(9)
        return run(repo, *args, **options)

    child = os.fork()
    if not child:
        monkeypatch.setattr(Repo, "run", killed)
        case.upgrade()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    repo = open_repo(case.project)
    phase, begun = loaded(repo)
    assert phase is Phase.APPLYING
    carry_on(repo, begun)
    assert_upgraded(case, waiting=False)
    assert loaded(repo)[0] is Phase.DONE


def loaded(repo: Repo) -> tuple[Phase, Journal]:
    found = journal.load(repo)
    assert found is not None
    return found


def check_recovery(
    case: World, before: dict[str, tuple[str, bytes]], staged: bytes, *, forward: bool
) -> None:
    """As before, as after, or brought to one of them; nothing left behind."""
    repo = open_repo(case.project)
    journal.sweep(repo)  # as the next upgrade does
    found = journal.load(repo)
    if found is None:
        assert (read(case.repo), index(case.repo)) == (before, staged)
        (repo.git_dir / "index.lock").unlink(missing_ok=True)  # of the git that was killed with it
        case.upgrade()
    elif found[0] is Phase.APPLYING and forward:
        carry_on(repo, found[1])
    elif found[0] in (Phase.APPLYING, Phase.UNDOING):
        undo(repo, found[1])
        assert (read(case.repo), index(case.repo)) == (before, staged)
        assert git(case.repo, "status", "--porcelain", "-uno") == b""
        case.upgrade()
    phase, begun = loaded(repo)
    assert phase in (Phase.CONFLICTS, Phase.DONE)
    assert_upgraded(case, waiting=phase is Phase.CONFLICTS)
    undo(repo, begun)
    assert (read(case.repo), index(case.repo)) == (before, staged)
    assert not (repo.git_dir / "mlops-scaffold").exists()
    assert not (repo.git_dir / "index.lock").exists()


def assert_upgraded(case: World, *, waiting: bool) -> None:
    tree = read(case.project)
    assert tree["new/deep/file.txt"] == ("file", b"new\n")
    assert tree["new/link"] == ("link", b"deep/file.txt")
    assert tree["turned/into.txt"] == ("file", b"a folder\n")
    assert tree["run.sh"][0] == "program"
    assert tree[".env"] == ("file", b"default\nmore\n")
    assert tree["untracked.txt"] == ("file", b"mine\n")
    assert "lib/gone/c.py" not in tree
    assert b"mine\n" in tree["a.py"][1]
    assert b"template\n" in tree["a.py"][1]
    assert (b"v1.1.0" in tree[".copier-answers.yml"][1]) != waiting
    assert not any(".mlops-scaffold" in path for path in tree)


@pytest.mark.parametrize("limit", range(8))
def test_abort_that_is_killed_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    case = world(tmp_path, conflict=True)
    before, staged = read(case.repo), index(case.repo)
    case.upgrade()
    repo = open_repo(case.project)
    _, begun = loaded(repo)
    replace, calls = Path.replace, iter(range(limit))

    def failing(source: Path, target: Path) -> Path:
        if "backup" in source.parts and next(calls, None) is None:
            raise KeyboardInterrupt
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", failing)
    with suppress(KeyboardInterrupt):
        undo(repo, begun)
    monkeypatch.undo()
    found = journal.load(repo)
    if found:
        assert found[0] is Phase.UNDOING
        undo(repo, found[1])
    assert (read(case.repo), index(case.repo)) == (before, staged)


def test_work_done_on_conflicts_is_kept_in_git_when_it_is_undone(tmp_path: Path) -> None:
    case = world(tmp_path, conflict=True)
    before = read(case.repo)
    case.upgrade()
    write(case.project, {"a.py": "half resolved\n", "new/deep/file.txt": "edited\n"})
    repo = open_repo(case.project)
    rescued = undo(repo, loaded(repo)[1])
    assert read(case.repo) == before
    assert git(case.repo, "cat-file", "blob", rescued["a.py"]) == b"half resolved\n"
    assert git(case.repo, "cat-file", "blob", rescued["new/deep/file.txt"]) == b"edited\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize("room", [0, 8, 24, 40, 56, 72, 88])
def test_full_disk(tmp_path: Path, room: int) -> None:
    """A disk with `room` KiB left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        case = world(disk, conflict=False)
        for folder in (case.base, case.new):
            shutil.move(folder, tmp_path)
        case.base, case.new = tmp_path / "base", tmp_path / "new"
        before, staged = read(case.repo), index(case.repo)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "filler").write_bytes(b"x" * (free - room * 1024))
        try:
            case.upgrade()
        except ScaffoldError:
            assert (read(case.repo), index(case.repo)) == (before, staged)
            assert not (case.repo / ".git/mlops-scaffold").exists()
            (disk / "filler").unlink()
            case.upgrade()
        assert_upgraded(case, waiting=False)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("place", [".git", "lib"])
def test_read_only_place(tmp_path: Path, place: str) -> None:
    case = world(tmp_path, conflict=False)
    before, staged = read(case.repo), index(case.repo)
    target = str(case.repo / place)
    if os.geteuid() == 0:
        bind = subprocess.run(["mount", "--bind", target, target], capture_output=True, check=False)
        if bind.returncode:
            pytest.skip("mounting is not allowed here")
        subprocess.run(["mount", "-o", "remount,ro,bind", target], check=True)
    else:
        (case.repo / place).chmod(0o555)
    try:
        assert case.plan().changes, "a preview needs no right to write"
        with pytest.raises(ScaffoldError):
            case.upgrade()
        assert (read(case.repo), index(case.repo)) == (before, staged)
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", target], check=True)
        else:
            (case.repo / place).chmod(0o755)
    if place == "lib":
        assert not (case.repo / ".git/mlops-scaffold").exists()
    case.upgrade()
    assert_upgraded(case, waiting=False)


def test_one_upgrade_at_a_time(tmp_path: Path) -> None:
    case = world(tmp_path, conflict=False)
    with (
        journal.lock(open_repo(case.project)),
        pytest.raises(ScaffoldError, match="another upgrade"),
    ):
        case.upgrade()


def test_another_git_at_work(tmp_path: Path) -> None:
    case = world(tmp_path, conflict=False)
    before = read(case.repo)
    (case.repo / ".git/index.lock").write_bytes(b"")
    with pytest.raises(ScaffoldError, match="another git process"):
        case.upgrade()
    assert read(case.repo) == before
    assert not (case.repo / ".git/mlops-scaffold").exists(), "what was refused leaves no record"
    (case.repo / ".git/index.lock").unlink()
    case.upgrade()
