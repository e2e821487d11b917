"""Running git as a tool: no caller's GIT_* variables, no hooks, no surprises from configuration."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from pathlib import Path

# What `git rev-parse --local-env-vars` lists (they tie a process to one repository), and others
# by which a caller's shell would change what our own commands do.
_SCRUBBED = frozenset(
    f"GIT_{name}"
    for name in (
        *("ALTERNATE_OBJECT_DIRECTORIES", "COMMON_DIR", "CONFIG", "CONFIG_COUNT"),
        *("CONFIG_PARAMETERS", "DIR", "GRAFT_FILE", "IMPLICIT_WORK_TREE", "INDEX_FILE"),
        *("INTERNAL_SUPER_PREFIX", "NAMESPACE", "NO_REPLACE_OBJECTS", "OBJECT_DIRECTORY"),
        *("PREFIX", "QUARANTINE_PATH", "REPLACE_REF_BASE", "SHALLOW_FILE", "WORK_TREE"),
        *("CEILING_DIRECTORIES", "EXTERNAL_DIFF", "LITERAL_PATHSPECS", "TEMPLATE_DIR", "TRACE"),
    )
)
_QUIET_CONFIG = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "tag.gpgSign=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "fetch.recurseSubmodules=false"),
    *("-c", "advice.defaultBranchName=false"),
    *("-c", "protocol.ext.allow=never"),
)


class GitError(ScaffoldError):
    """Git ended with an error; `message` carries what it said."""


def environment(*, isolated: bool = True) -> dict[str, str]:
    """The caller's environment without what would turn git elsewhere.

    Args:
        isolated: Also leave out the system's and the user's configuration. Only transport to other
            people's servers (credentials, proxies) and the first commit (identity) need it.
    """
    env = {key: value for key, value in os.environ.items() if key not in _SCRUBBED}
    env |= {
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
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
        expect: Exit codes that are no error.

    Raises:
        GitError: Git is missing, was too slow, or ended with an error.
    """
    command: Sequence[str] = ("git", *_QUIET_CONFIG, *args)
    try:
        done = subprocess.run(
            command,
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
        raise GitError("git is not installed", hint="see: mlops-scaffold doctor") from error
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
