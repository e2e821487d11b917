"""`make demo`: two versions of data and model, from start to finish, in a temporary copy."""

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
from .local_remote import local_remote
from .versions import cli
from .versions.git import Git
from .versions.pipeline import MODEL
from .versions.store import open_store

LOCAL = Path(".dvc/config.local")
"""DVC's settings for this machine, which git ignores."""
GIT_IDENTITY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Demo"), ("EMAIL", "demo@example.invalid"))
}


def main() -> int:
    """Run the demo; returns the exit code."""
    project = Path.cwd()
    os.environ.update(GIT_IDENTITY, APP_LOG_LEVEL="WARNING")
    with TemporaryDirectory(prefix="demo-") as folder, ExitStack() as stack:
        copy = Path(folder) / PROJECT
        stack.callback(os.chdir, project)
        settings = stack.enter_context(local_remote(Path(folder) / "storage"))
        try:
            copy_project(project, copy)
            os.chdir(copy)
            (copy / LOCAL).write_text(settings, encoding="utf-8")
            walk_through(copy)
        except ProjectError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.code
    print("\nThe demo ran in a temporary copy. Next: `make run`, commit, release your own version.")
    return 0


def walk_through(project: Path) -> None:
    """Release two versions, compare them, roll back, and restore both in a clone.

    Raises:
        ProjectError: A command failed.
    """
    git = Git(project)
    models = {}
    for number, version in ((1, "1.0.0"), (2, "1.1.0")):
        print(f"\n{number}. Version {number} of the data: {make_data(project, number)} rows")
        versions("reproduce")
        models[version] = (project / MODEL).read_bytes()
        git.run("add", "--all")
        git.run("commit", "--quiet", "--message", f"Version {number} of the data")
        versions("release", version)
        versions("promote", version)
    print("\n3. What is the difference?")
    versions("compare", "1.0.0", "1.1.0")
    print("\n4. The version in production predicts rows that it has never seen:")
    run_predict(project)
    print("\n5. Something is wrong with it, so roll back:")
    versions("rollback")
    versions("list")
    run_predict(project)
    print("\n6. Restore both versions, byte for byte, from a fresh clone and the remote:")
    restore(git, project.with_name("clone"), models)
    versions("verify")


def versions(*arguments: str) -> None:
    """Run the command and print it the way a user would type it.

    Raises:
        ProjectError: The command failed; it has already printed why.
    """
    print(f"$ versions {' '.join(arguments)}", flush=True)
    if code := cli.main(list(arguments)):
        raise ProjectError(f"`versions {' '.join(arguments)}` exited with {code}")


def make_data(project: Path, version: int) -> int:
    """Write a version of the example data and track it with DVC; returns the number of rows."""
    rows = make(DATA, version, project / "data/raw")
    with open_store(project) as store:
        store.repo.add("data/raw")
    return rows


def run_predict(project: Path) -> None:
    """Predict the example rows stored in the model, and print the predictions."""
    output = project / "predictions.csv"
    if code := predict.main(["--output", str(output)]):
        raise ProjectError(f"predict exited with {code}")
    print("   " + "\n   ".join(output.read_text(encoding="utf-8").splitlines()[:4]))


def restore(git: Git, clone: Path, models: dict[str, bytes]) -> None:
    """Clone the repository and compare the model of each version with the original.

    Raises:
        IntegrityError: A model differs.
    """
    git.run("clone", "--quiet", str(git.root), str(clone))
    shutil.copy(git.root / LOCAL, clone / LOCAL)
    for version, model in models.items():
        Git(clone).run("checkout", "--quiet", f"v{version}")
        with open_store(clone) as store:
            store.repo.pull()
        if (clone / MODEL).read_bytes() != model:
            raise IntegrityError(f"the restored model of {version} differs from the original")
        print(f"   git checkout v{version}, dvc pull: all {len(model):,} bytes of {MODEL}")


def copy_project(project: Path, target: Path) -> None:
    """Copy the files that git tracks or would add, and create a new repository from them."""
    listed = Git(project).run_or_none(
        "ls-files", "--cached", "--others", "--exclude-standard", "-z"
    )
    if not listed:
        raise ProjectError(
            f"the demo copies the files that git lists, and it lists none in {project}: "
            "run `git init` there, then `git add --all`"
        )
    skipped = ("data/raw.dvc", "dvc.lock", "metrics.json", "plots/")
    for name in filter(None, listed.split("\0")):
        source = project / name
        if source.is_file() and not name.startswith(skipped):
            destination = target / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, destination)
    git = Git(target)
    git.run("init", "--quiet", "--initial-branch=main")
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message", "Start")


if __name__ == "__main__":
    sys.exit(main())
