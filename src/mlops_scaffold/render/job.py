"""One call of Copier in plain values, so that it can also be made in another process."""

from __future__ import annotations

import contextlib
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as answers_file
from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.errors import ScaffoldError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_COPIER_VALUE_ERROR = re.compile(
    r"(?:Validation error for question|Invalid choice for) '(?P<key>[^']+)': (?P<what>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class RenderJob:
    """One call of Copier, in plain values: it may be made in another process."""

    root: Path
    into: Path
    answers: dict[str, Any]
    carried: dict[str, Any]
    ask: bool


def render_here(job: RenderJob) -> dict[str, Any]:
    """Render in this process, with nothing checked; see `render` for the rest."""
    known = copier_yml.questions(job.root)
    template = str(job.answers.get("template") or job.carried.get("template") or "")
    wanted = copier_yml.full_keys(known, template, job.answers)
    into, ask, carried = job.into, job.ask, job.carried
    into.mkdir()
    if carried:  # where Copier looks for the answers of last time, and drops what no longer fits
        previous = answers_file.text(str(job.root), "v0", carried)
        (into / answers_file.FILE_NAME).write_text(previous, encoding="utf-8", newline="\n")
    with _copier_errors():
        if ask and carried:  # it would ask for these again
            worker = _run_copier(job.root, wanted, into, ask=False, pretend=True)
            kept = _asked_answers(worker, known)
            wanted = {key: kept[key] for key in kept if kept[key] == carried.get(key)} | wanted
        worker = _run_copier(job.root, wanted, into, ask=ask)
    if hidden := sorted(worker.answers.hidden & wanted.keys()):
        raise UsageError(f"{hidden[0]!r} is not asked with these answers; it can't be set")
    return _asked_answers(worker, known)


def _asked_answers(worker: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    combined = worker.answers.combined
    left_out = worker.template.secret_questions | worker.answers.hidden
    return {key: combined[key] for key in known if key in combined and key not in left_out}


def _run_copier(
    root: Path, wanted: Mapping[str, Any], into: Path, *, ask: bool, pretend: bool = False
) -> Any:
    import copier  # noqa: PLC0415  # most verbs do without it
    import plumbum  # noqa: PLC0415  # as above

    # Without git on its PATH, Copier takes a checkout for the plain folder that it is (it would
    # clone it and add uncommitted changes) and saves itself a git process per rendered file.
    with plumbum.local.env(PATH=""), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return copier.run_copy(
            str(root),
            into,
            dict(wanted),
            answers_file=answers_file.FILE_NAME,
            settings=copier.Settings(),
            defaults=not ask,
            overwrite=True,
            pretend=pretend,
            cleanup_on_error=False,
            quiet=True,
        )


@contextlib.contextmanager
def _copier_errors() -> Iterator[None]:
    """Copier's many exceptions, as ours."""
    import jinja2  # noqa: PLC0415  # as above
    from copier.errors import CopierAnswersInterrupt, CopierError  # noqa: PLC0415  # as above

    try:
        yield
    except CopierAnswersInterrupt:
        raise KeyboardInterrupt from None
    except jinja2.TemplateError as error:
        where = f"{getattr(error, 'name', None) or 'template'}:{getattr(error, 'lineno', '?')}"
        raise ScaffoldError(f"the template is broken: {where}: {error}") from error
    except ValueError as error:
        match = _COPIER_VALUE_ERROR.fullmatch(str(error))
        if match is None:
            raise ScaffoldError(f"cannot render: {error}") from error
        raise UsageError(f"{match['key']}: {match['what'].strip()}") from error
    except (CopierError, OSError) as error:
        raise ScaffoldError(f"cannot render: {error}") from error
    except Exception as error:  # a template's expressions can raise anything at all
        raise ScaffoldError(f"cannot render: {type(error).__name__}: {error}") from error
