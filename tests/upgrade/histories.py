"""Random histories: what a template's authors and an owner may do to the same files."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.upgrade.support import World, git, make_world, read, write

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "README.md",
    "src/app/main.py",
    "src/app/model.py",
    "src/app/deep/er.py",
    "tests/test_main.py",
    "docs/guide.md",
    "docs/naïve café.txt",
    "data/table.bin",
    "run.sh!",
    "notes",
    "tags",
    "a b/c d.txt",
    "[x]*.txt",
    ".github/ci.yml",
)
LATER = ("src/app/new.py", "docs/更新.md", "extra/one.txt", "notes/inside.txt", "run", "zz.bin")
IGNORED = (".env", "logs/app.log", "cache/x")
RULES = ".env\nlogs/\ncache/\nprivate*\n"


@dataclass
class History:
    """A world, and what its owner put in."""

    world: World
    rng: random.Random
    tokens: set[bytes] = field(default_factory=set)  # in committed files
    edited: bool = False
    log: list[str] = field(default_factory=list)
    count: int = 0

    def token(self) -> bytes:
        self.count += 1
        token = b"own-%d-%d" % (self.count, self.rng.randrange(10**9))
        self.tokens.add(token)
        return token


def text(rng: random.Random, label: str) -> bytes:
    size = rng.choice((0, 1, 4, 12, 30))
    return b"".join(b"%s line %d %d\n" % (label.encode(), n, rng.randrange(9)) for n in range(size))


def binary(rng: random.Random) -> bytes:
    return b"\0\x89BIN" + rng.randbytes(rng.choice((20, 300)))


def content(rng: random.Random, name: str) -> bytes | str:
    if name.endswith(".bin"):
        return binary(rng)
    if name == "notes" and rng.random() < 0.3:
        return "-> README.md"
    body = text(rng, name)
    style = rng.random()
    if style < 0.1:
        return body.replace(b"\n", b"\r\n")
    return body + b"caf\xe9\n" if style < 0.2 else body


def edit(rng: random.Random, data: bytes, mark: bytes) -> bytes:
    """Change, insert or remove lines; `mark` is in what results."""
    if b"\0" in data:
        return data[: rng.randrange(6, len(data))] + mark + rng.randbytes(4)
    lines = data.splitlines(keepends=True)
    end = b"\r\n" if b"\r\n" in data else b"\n"
    place = rng.randrange(len(lines) + 1)
    remove = rng.choice((0, 0, 1, 2))
    return b"".join([*lines[:place], mark + end, *lines[place + remove :]])


def make(root: Path, seed: int) -> History:
    rng = random.Random(seed)  # noqa: S311  # repeatable, not secret
    names = rng.sample(NAMES, rng.randint(3, 9))
    base: dict[str, bytes | str | None] = {name: content(rng, name) for name in names}
    base[".gitignore"] = RULES
    for name in rng.sample(IGNORED, rng.randint(0, 2)):
        base[name] = text(rng, name) + b"default\n"
    prefix = rng.choice(("", "", "services/a [b]/"))
    world = make_world(root, base, {}, prefix=prefix)
    history = History(world, rng)
    for _ in range(rng.randint(0, 5)):
        evolve(history)
    if prefix:
        write(world.repo, {"elsewhere.txt": "shared\n"})
        world.commit()
    for _ in range(rng.choice((0, 1, 2, 3, 5))):
        own(history)
    git(world.repo, "add", "-A")
    stop_tracking(history)
    git(world.repo, "commit", "-qm", "Work", "--allow-empty")
    for _ in range(rng.choice((0, 0, 1, 2))):
        leave_untracked(history)
    if prefix and rng.random() < 0.5:
        write(world.repo, {"elsewhere.txt": "uncommitted\n", "staged.txt": "staged\n"})
        git(world.repo, "add", "staged.txt")
    return history


def files_in(root: Path) -> list[str]:
    return [p for p, (kind, _) in read(root).items() if kind != "folder" and "answers" not in p]


def clear_way(root: Path, path: str) -> None:
    """A file where a folder should be, or the reverse, makes room."""
    target = root / path
    for parent in target.parents:
        if parent == root:
            break
        if parent.is_symlink() or parent.is_file():
            parent.unlink()
    if target.is_dir() and not target.is_symlink():
        for inside in sorted(target.rglob("*"), reverse=True):
            if inside.is_dir() and not inside.is_symlink():
                inside.rmdir()
            else:
                inside.unlink()
        target.rmdir()


def evolve(history: History) -> None:
    """The template's authors do something."""
    rng, root = history.rng, history.world.new
    present = files_in(root)
    action = rng.choice(
        ("edit", "edit", "edit", "rename", "delete", "add", "add", "mode", "link", "folder", "env")
    )
    history.log.append(f"template {action}")
    if action == "add":
        name = rng.choice((*LATER, *NAMES)).rstrip("!")
        clear_way(root, name)
        write(root, {name: content(rng, name)})
    elif action == "env":
        name = rng.choice(IGNORED)
        clear_way(root, name)
        write(root, {name: text(rng, "new defaults") + b"v2\n"})
    elif present:
        change(rng, root, rng.choice(present), action, b"template-%d" % rng.randrange(10**9))


def own(history: History) -> None:
    """The owner does something and will commit it."""
    rng, root = history.rng, history.world.project
    present = [p for p in files_in(root) if not ignored(p) and p != ".gitignore"]
    action = rng.choice(
        (
            *("edit", "edit", "edit", "edit", "rename", "rename", "delete", "add", "mode", "link"),
            *("folder", "crlf", "bytes", "rename folder"),
        )
    )
    history.log.append(f"owner {action}")
    history.edited = True
    if action == "add" or not present:
        name = rng.choice((*LATER, "mine/own.py", "mine.txt"))
        clear_way(root, name)
        write(root, {name: history.token() + b"\n" + text(rng, "mine")})
        return
    change(rng, root, rng.choice(present), action, history.token())


def change(  # noqa: C901  # one branch per action
    rng: random.Random, root: Path, path: str, action: str, mark: bytes
) -> None:
    target = root / path
    link = target.is_symlink()
    if action == "rename folder":
        folder = path.partition("/")[0]
        if "/" in path and not folder.startswith(".") and not (root / f"{folder}-moved").exists():
            (root / folder).rename(root / f"{folder}-moved")
    elif action == "rename":
        new = f"{rng.choice(('moved', 'src/app', 'docs'))}/{rng.randrange(3)}-{target.name}"
        clear_way(root, new)
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        target.rename(root / new)
    elif action == "delete":
        target.unlink()
    elif action == "mode" and not link:
        target.chmod(target.stat().st_mode ^ 0o111)
    elif action == "link":
        target.unlink()
        target.symlink_to(f"target-{mark.decode()}")
    elif action == "folder":
        data = b"" if link else target.read_bytes()
        target.unlink()
        write(root, {f"{path}/inside.txt": data + mark + b"\n"})
    elif action == "crlf" and not link:
        target.write_bytes(target.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    elif action == "bytes" and not link:
        target.write_bytes(target.read_bytes() + b"caf\xe9 " + mark + b"\n")
    elif not link:
        target.write_bytes(edit(rng, target.read_bytes(), mark))


def ignored(path: str) -> bool:
    return path in IGNORED or path.startswith(("logs", "cache", "private", ".env"))


def stop_tracking(history: History) -> None:
    rng, world = history.rng, history.world
    tracked = git(world.project, "ls-files", "-z").decode().split("\0")[:-1]
    tracked = [p for p in tracked if p not in (".gitignore", ".copier-answers.yml")]
    if tracked and rng.random() < 0.15:
        path = rng.choice(tracked)
        history.log.append(f"owner stops tracking {path}")
        history.edited = True
        git(world.project, "rm", "-q", "--cached", "--", f":(literal){path}")
        if rng.random() < 0.7:
            exclude = world.repo / ".git" / "info" / "exclude"
            quoted = path.replace("[", "\\[").replace("*", "\\*")
            exclude.write_text(
                f"/{world.project.relative_to(world.repo)}/{quoted}\n".replace("./", "")
            )
        if rng.random() < 0.5 and not (world.project / path).is_symlink():
            with (world.project / path).open("ab") as file:
                file.write(b"secret of mine\n")


def leave_untracked(history: History) -> None:
    rng, root = history.rng, history.world.project
    path = rng.choice((*LATER, *IGNORED, "private.txt", "src/app/scratch.txt"))
    target = root / path
    if any(parent.is_file() or parent.is_symlink() for parent in target.parents if parent != root):
        return
    if target.is_dir() or (target.exists() and not ignored(path)):
        return
    history.log.append(f"owner leaves {path}")
    history.edited = True
    write(root, {path: b"untracked %d\n" % rng.randrange(10**9)})
