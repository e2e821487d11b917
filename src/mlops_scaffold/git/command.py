"""Running git: one function, and one place for the environment and configuration of every call."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

# Of the caller's GIT_* variables only these reach git: who commits, and access to servers. The
# others tie a process to one repository, or change what a command does or prints.
_KEPT = re.compile(
    r"GIT_(AUTHOR|COMMITTER|SSH|SSL|HTTP|LFS)(_\w+)?"
    r"|GIT_(ASKPASS|PROXY_COMMAND|EXEC_PATH|DISCOVERY_ACROSS_FILESYSTEM)"
)
# Configuration given in the environment, as CI does for private servers.
_CONFIG = re.compile(r"GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|PARAMETERS|(KEY|VALUE)_\d+)")
# What people set for themselves and would change a result, or run something. Attributes, filters,
# end-of-line rules and merge drivers belong to the repository and stay.
_FORCED = {
    "advice.defaultBranchName": "false",
    "commit.gpgSign": "false",
    "core.abbrev": "no",
    "core.bigFileThreshold": "512m",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",
    "core.safecrlf": "false",
    "core.untrackedCache": "keep",
    "diff.algorithm": "histogram",
    "diff.autoRefreshIndex": "true",
    "diff.context": "3",
    "diff.ignoreSubmodules": "all",
    "diff.indentHeuristic": "true",
    "diff.interHunkContext": "0",
    "diff.mnemonicPrefix": "false",
    "diff.noprefix": "false",
    "diff.orderFile": os.devnull,
    "diff.renameLimit": "10000",
    "diff.renames": "true",
    "diff.suppressBlankEmpty": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "merge.conflictStyle": "diff3",
    # New files of the template follow a folder that the owner renamed, and the reverse.
    "merge.directoryRenames": "true",
    "merge.renameLimit": "10000",
    "merge.renames": "true",
    "merge.renormalize": "false",
    "protocol.ext.allow": "never",
    "safe.bareRepository": "all",  # ours are bare
    "status.showUntrackedFiles": "all",
    "submodule.recurse": "false",
    "tag.gpgSign": "false",
}
_OPTIONS = tuple(word for key, value in _FORCED.items() for word in ("-c", f"{key}={value}"))


class GitError(ScaffoldError):
    """Git ended with an error; `message` carries what it said."""


class GitMissingError(GitError):
    """There is no git to run."""


def environment(*, isolated: bool = True) -> dict[str, str]:
    """The caller's environment without what would make git do something else.

    Args:
        isolated: Also leave out the configuration of the system, the user and the environment.
            Not so for access to servers (credentials, proxies), for commits (identity), and in
            people's own repositories.
    """
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_")
        or _KEPT.fullmatch(key)
        or (not isolated and _CONFIG.fullmatch(key))
    }
    env |= {
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LANGUAGE": "",  # which would win over LC_ALL, and its messages are matched here and there
        "LC_ALL": "C.UTF-8",
    }
    if isolated:
        env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    return env


def run(  # noqa: PLR0913  # one call of git has that many sides
    *args: str,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    isolated: bool = True,
    timeout: float | None = None,
    expect: Container[int] = (0,),
) -> bytes:
    """Run one git command and return what it wrote to stdout.

    Args:
        args: Arguments after `git`; a caller puts `--` before anything that is data.
        cwd: The repository or folder to run in.
        stdin: Bytes for its standard input (default: none).
        env: Further environment variables.
        isolated: See `environment`.
        timeout: Seconds until it is killed.
        expect: Exit codes that are not an error.

    Raises:
        GitError: Git is missing, was too slow, or ended with an error.
    """
    try:
        done = subprocess.run(
            ("git", *_OPTIONS, *args),
            cwd=cwd,
            input=stdin if stdin is not None else b"",
            env={**environment(isolated=isolated), **(env or {})},
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise GitError(f"{cwd} is not a folder") from error
        raise GitMissingError("git is not installed", hint="see: mlops-scaffold doctor") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {args[0]} was stopped after {timeout:.0f} seconds") from error
    if done.returncode not in expect:
        said = done.stderr.decode(errors="replace").strip()
        raise GitError(f"git {args[0]} failed: {said or f'exit code {done.returncode}'}")
    return done.stdout


@cache
def available() -> bool:
    """Whether there is a git to run."""
    try:
        run("--version")
    except GitError:
        return False
    return True
