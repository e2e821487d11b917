"""The entry point: runs one command and turns errors into exit codes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from mlops_scaffold.cli import fast_path, output
from mlops_scaffold.errors import ExitCode, ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130  # 128 + SIGINT, and below 128 + SIGPIPE: what a shell reports for any program
_PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: What was typed after the program's name (default: `sys.argv`).

    Returns:
        The exit code.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    as_json = "--json" in args
    output.prepare_streams()
    _end_cleanly_on(signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
    try:
        code = _run([arg for arg in args if arg != "--debug"])
        sys.stdout.flush()
    except ScaffoldError as problem:
        if debug:
            raise
        output.error(problem, as_json=as_json)
        return problem.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe. What is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except Exception as problem:
        if debug:
            raise
        found = ScaffoldError(
            f"unexpected {type(problem).__name__}: {problem}",
            hint="run the same command with --debug for the traceback, and please report it",
        )
        output.error(found, as_json=as_json)
        return ExitCode.ERROR
    return code


def _end_cleanly_on(*signals: signal.Signals) -> None:
    """Let these signals end the program by an exception, so that scratch folders are removed."""

    def end(number: int, _frame: object) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
        raise SystemExit(128 + number)

    for each in signals:
        if signal.getsignal(each) is signal.SIG_DFL:  # `nohup` and others have their reasons
            with contextlib.suppress(ValueError):  # called by a thread, which can't set it
                signal.signal(each, end)


def _run(args: Sequence[str]) -> int:
    code = fast_path.answer(args)
    if code is None:
        from mlops_scaffold.cli.app import run  # noqa: PLC0415  # imports Typer

        code = run(args)
    return code


if __name__ == "__main__":
    sys.exit(main())
