"""`make demo`: two versions of data and model, from start to finish, in a scratch copy."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from . import predict
from .data.generate import make
from .defaults import DATA, PROJECT, REMOTE
from .errors import IntegrityError, ProjectError
from .versions import cli
from .versions.git import Git
from .versions.pipeline import MODEL
from .versions.store import opened

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
        stack.enter_context(remote(Path(folder)))
        try:
            copy(here, scratch)
            os.chdir(scratch)
            point_to(scratch, Path(folder))
            tell(scratch)
        except ProjectError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.code
    print("\nAll of that was in a scratch copy. Next: `make run`, commit, and a version of your own.")
    return 0


def tell(scratch: Path) -> None:
    """Make two versions and do with them what versions are for.

    Raises:
        ProjectError: Something of it does not work.
    """
    git = Git(scratch)
    for number, version in ((1, "1.0.0"), (2, "1.1.0")):
        print(f"\n{number}. Version {number} of the data: {make_data(scratch, number)} rows")
        versions("reproduce")
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
    bring_back(git, scratch.with_name("clone"))
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


def bring_back(git: Git, clone: Path) -> None:
    """Clone the scratch copy, and compare the models of both versions with what they were.

    Raises:
        IntegrityError: One is not the same.
    """
    git.run("clone", "--quiet", str(git.root), str(clone))
    shutil.copy(git.root / ".dvc/config.local", clone / ".dvc/config.local")
    for version in ("1.0.0", "1.1.0"):
        Git(clone).run("checkout", "--quiet", f"v{version}")
        with opened(clone) as store:
            store.repo.pull()
            wanted = {each.path: each.md5 for each in store.tracked()}[MODEL]
        found = subprocess.run(  # noqa: S603 - git, which knows nothing of DVC
            ["git", "hash-object", str(clone / MODEL)],  # noqa: S607
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        with opened(git.root) as store:
            original = store.read(wanted, MODEL)
        if (clone / MODEL).read_bytes() != original:
            raise IntegrityError(f"the model of {version} came back as another one")
        print(f"   {version}: {MODEL} has {len(original):,} bytes, all the same (git says {found[:8]})")


def copy(project: Path, scratch: Path) -> None:
    """Copy what git knows of the project, and begin a repository of its own there."""
    listed = Git(project).ask("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    if listed is None:
        raise ProjectError("the demo copies what git knows: `git init`, then `git add --all`")
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


def point_to(scratch: Path, folder: Path) -> None:
    """Let the scratch copy use a remote of its own, by DVC's file of local settings."""
    lines = ["['remote \"storage\"']"]
    if REMOTE == "s3":
        lines.append(f"    endpointurl = {os.environ['DEMO_S3']}")
    else:
        lines.append(f"    url = {folder / 'storage'}")
    (scratch / ".dvc/config.local").write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def remote(folder: Path) -> Iterator[None]:
    """Have a remote: a folder; or, if the project uses S3, a server of its kind on this machine."""
    if REMOTE != "s3":
        (folder / "storage").mkdir()
        yield
        return
    import boto3  # noqa: PLC0415 - only there if the project uses S3
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ.update(
        DEMO_S3=f"http://{host}:{port}",
        AWS_ACCESS_KEY_ID="demo",
        AWS_SECRET_ACCESS_KEY="demo",  # noqa: S106 - of a server that lives as long as the demo
        AWS_DEFAULT_REGION="us-east-1",
    )
    try:
        boto3.client("s3", endpoint_url=os.environ["DEMO_S3"]).create_bucket(Bucket=PROJECT)
        yield
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
