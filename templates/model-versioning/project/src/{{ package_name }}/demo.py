"""`make demo`: two versions of data and model, from start to finish, in a scratch copy."""

import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from . import predict
from .data.generate import make
from .defaults import DATA, PROJECT
from .errors import IntegrityError, ProjectError
from .standin import remote
from .versions import cli
from .versions.git import Git
from .versions.pipeline import MODEL
from .versions.store import opened

LOCAL = Path(".dvc/config.local")
"""DVC's settings of this machine, which git does not see."""
WHO = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Demo"), ("EMAIL", "demo@example.invalid"))
}


def main() -> int:
    """Run the demo; gives the exit code."""
    here = Path.cwd()
    os.environ.update(WHO, APP_LOG_LEVEL="WARNING")
    with TemporaryDirectory(prefix="demo-") as folder, ExitStack() as stack:
        scratch = Path(folder) / PROJECT
        stack.callback(os.chdir, here)
        settings = stack.enter_context(remote(Path(folder) / "storage"))
        try:
            copy(here, scratch)
            os.chdir(scratch)
            (scratch / LOCAL).write_text(settings, encoding="utf-8")
            tell(scratch)
        except ProjectError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.code
    print(
        "\nAll of that was in a scratch copy. Next: `make run`, commit, and a version of your own."
    )
    return 0


def tell(scratch: Path) -> None:
    """Make two versions and do with them what versions are for.

    Raises:
        ProjectError: Something of it does not work.
    """
    git = Git(scratch)
    made = {}
    for number, version in ((1, "1.0.0"), (2, "1.1.0")):
        print(f"\n{number}. Version {number} of the data: {make_data(scratch, number)} rows")
        versions("reproduce")
        made[version] = (scratch / MODEL).read_bytes()
        git.run("add", "--all")
        git.run("commit", "--quiet", "--message", f"Version {number} of the data")
        versions("release", version)
        versions("promote", version)
    print("\n3. What is the difference?")
    versions("compare", "1.0.0", "1.1.0")
    print("\n4. The version in production answers rows that it has never seen:")
    run_predict(scratch)
    print("\n5. And back, because something is wrong with it:")
    versions("rollback")
    versions("list")
    run_predict(scratch)
    print("\n6. Both come back, byte for byte, in a fresh clone with nothing but the remote:")
    bring_back(git, scratch.with_name("clone"), made)
    versions("verify")


def versions(*arguments: str) -> None:
    """Call the command, and show it as one would type it.

    Raises:
        ProjectError: It fails; it has said why.
    """
    print(f"$ versions {' '.join(arguments)}", flush=True)
    if code := cli.main(list(arguments)):
        raise ProjectError(f"`versions {' '.join(arguments)}` ended with {code}")


def make_data(scratch: Path, version: int) -> int:
    """Put a version of the example data into the scratch copy, and let DVC track it."""
    rows = make(DATA, version, scratch / "data/raw")
    with opened(scratch) as store:
        store.repo.add("data/raw")
    return rows


def run_predict(scratch: Path) -> None:
    """Predict the rows that travel with the model, and show the answers."""
    output = scratch / "predictions.csv"
    if code := predict.main(["--output", str(output)]):
        raise ProjectError(f"predict ended with {code}")
    print("   " + "\n   ".join(output.read_text(encoding="utf-8").splitlines()[:4]))


def bring_back(git: Git, clone: Path, made: dict[str, bytes]) -> None:
    """Clone the scratch copy, and compare the models of all versions with what they were.

    Raises:
        IntegrityError: One is not the same.
    """
    git.run("clone", "--quiet", str(git.root), str(clone))
    shutil.copy(git.root / LOCAL, clone / LOCAL)
    for version, model in made.items():
        Git(clone).run("checkout", "--quiet", f"v{version}")
        with opened(clone) as store:
            store.repo.pull()
        if (clone / MODEL).read_bytes() != model:
            raise IntegrityError(f"the model of {version} came back as another one")
        print(f"   git checkout v{version}, dvc pull: all {len(model):,} bytes of {MODEL}")


def copy(project: Path, scratch: Path) -> None:
    """Copy what git knows of the project, and begin a repository of its own there."""
    listed = Git(project).ask("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    if not listed:
        raise ProjectError(
            f"the demo copies what git knows, and it knows no file of {project}: "
            "`git init` there, then `git add --all`"
        )
    skipped = ("data/raw.dvc", "dvc.lock", "metrics.json", "plots/")
    for name in filter(None, listed.split("\0")):
        source = project / name
        if source.is_file() and not name.startswith(skipped):
            target = scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    git = Git(scratch)
    git.run("init", "--quiet", "--initial-branch=main")
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message", "Start")


if __name__ == "__main__":
    sys.exit(main())
