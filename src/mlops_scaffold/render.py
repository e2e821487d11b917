"""Template tree + answers -> a folder. Copier does the rendering.

Deterministic: the same version and answers give byte-identical files with the same modes, whoever
renders them and wherever. Copier sees a plain folder (no git, none of its user settings), and what
it rendered is checked and moved into place in one step.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as answers_file
from mlops_scaffold import copier_yml
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.paths import check_output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_scaffold.source import TemplateTree

MAX_OUTPUT_BYTES = 64 * 1024 * 1024
MAX_OUTPUT_FILES = 5_000
_COPIER_VALUE_ERROR = re.compile(
    r"(?:Validation error for question|Invalid choice for) '(?P<key>[^']+)': (?P<what>.*)",
    re.DOTALL,
)


def render(
    tree: TemplateTree,
    answers: Mapping[str, Any],
    into: Path,
    *,
    carried: Mapping[str, Any] | None = None,
    ask: bool = False,
) -> dict[str, Any]:
    """Render the template that `answers["template"]` names into the new folder `into`.

    Args:
        tree: The catalog at one version.
        answers: Answers that must fit: keys (short ones too) and values.
        into: A folder that does not exist yet; its parent does.
        carried: Answers of an earlier version; those that no longer fit fall back to the default.
        ask: Ask on the terminal what neither `answers` nor `carried` answers.

    Returns:
        The final answers, as recorded in the answers file: no hidden ones, no `_` keys.

    Raises:
        UsageError: An unknown or hidden key, a bad choice, a value its validator refuses.
        ScaffoldError: The template is broken, or does what templates may not.
    """
    if into.exists() or into.is_symlink():
        raise ScaffoldError(f"{into} exists already")
    staging = Path(tempfile.mkdtemp(prefix=".rendering-", dir=into.parent))
    try:
        project = staging / "project"  # one name always: templates can see it
        work = Work(tree.root, project, dict(answers), dict(carried or {}), ask=ask)
        if tree.trusted:
            final = render_here(work)
        else:
            from mlops_scaffold.sandbox import render_limited  # noqa: PLC0415  # seldom needed

            final = render_limited(work, max_bytes=MAX_OUTPUT_BYTES, max_files=MAX_OUTPUT_FILES)
        check_output(project, max_bytes=MAX_OUTPUT_BYTES, max_files=MAX_OUTPUT_FILES)
        _record(tree, final, project)
        project.rename(into)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return final


@dataclass(frozen=True)
class Work:
    """One call of Copier, in plain values: it may be made in another process."""

    root: Path
    into: Path
    answers: dict[str, Any]
    carried: dict[str, Any]
    ask: bool


def render_here(work: Work) -> dict[str, Any]:
    """Render in this process, with nothing checked; see `render` for the rest."""
    known = copier_yml.questions(work.root)
    template = str(work.answers.get("template") or work.carried.get("template") or "")
    wanted = copier_yml.full_keys(known, template, work.answers)
    into, ask, carried = work.into, work.ask, work.carried
    into.mkdir()
    if carried:  # where Copier looks for the answers of last time, and drops what no longer fits
        previous = answers_file.text(str(work.root), "v0", carried)
        (into / answers_file.FILE_NAME).write_text(previous, encoding="utf-8", newline="\n")
    with _copier_errors():
        if ask and carried:  # it would ask for these again
            worker = _run_copier(work.root, wanted, into, ask=False, pretend=True)
            kept = _asked_answers(worker, known)
            wanted = {key: kept[key] for key in kept if kept[key] == carried.get(key)} | wanted
        worker = _run_copier(work.root, wanted, into, ask=ask)
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
    from copier.errors import CopierError  # noqa: PLC0415  # as above

    try:
        yield
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


def _record(tree: TemplateTree, final: Mapping[str, Any], project: Path) -> None:
    """Write the origin into the answers file, in the place of the scratch folder's."""
    path = project / answers_file.FILE_NAME
    try:
        header = answers_file.header_of(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        header = answers_file.HEADER
    text = answers_file.text(tree.url, tree.ref, final, header=header)
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(0o644)
