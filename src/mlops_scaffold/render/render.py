"""Template tree + answers -> a folder. Copier does the rendering.

Deterministic: the same version and answers give byte-identical files with the same modes on any
machine. Copier sees a plain folder, without git and without user settings. Its output is checked
and moved into place in one step.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as default_answers_file
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files import staging
from mlops_scaffold.files.portable import check_output, component_problem
from mlops_scaffold.render.job import Operation, RenderJob, RenderResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_scaffold.render.job import QuestionProblem
    from mlops_scaffold.source.base import TemplateTree

MAX_OUTPUT_BYTES = 64 * 1024 * 1024
MAX_OUTPUT_FILES = 5_000


def render(  # noqa: PLR0913  # as many options as a render has
    tree: TemplateTree,
    answers: Mapping[str, Any],
    into: Path,
    *,
    carried: Mapping[str, Any] | None = None,
    ask: bool = False,
    operation: Operation = "copy",
    named: bool = False,
    parent: Path | None = None,
    answers_file: str = "",
    folder: str = "project",
) -> RenderResult:
    """Render the template that `answers["template"]` names into the new folder `into`.

    Args:
        tree: The catalog at one version.
        answers: Answers that must fit: keys (short ones too) and values.
        into: A folder that does not exist yet; its parent does.
        carried: Answers of an earlier version. One that no longer fits is asked again, or gets the
            default; the result says which.
        ask: Ask on the terminal what neither `answers` nor `carried` answers.
        operation: Which of the template's messages are meant.
        named: See `RenderJob`.
        parent: See `RenderJob`.
        answers_file: See `RenderJob`. Here the file always gets the default name.
        folder: See `RenderJob`.

    Raises:
        UsageError: An unknown or hidden key, or a value that does not fit; a question without an
            answer.
        ScaffoldError: The template is broken, or does what templates may not.
    """
    if into.exists() or into.is_symlink():
        raise ScaffoldError(f"{into} exists already")
    scratch = Path(tempfile.mkdtemp(prefix=".rendering-", dir=into.parent))
    try:
        project = scratch / "project"
        job = RenderJob(
            root=tree.root,
            into=project,
            answers=dict(answers),
            carried=dict(carried or {}),
            ask=ask,
            operation=operation,
            named=named,
            parent=parent,
            url=tree.url,
            ref=tree.ref,
            answers_file=answers_file,
            folder=folder,
        )
        result = _run(job, trusted=tree.trusted)
        check_output(project, max_bytes=MAX_OUTPUT_BYTES, max_files=MAX_OUTPUT_FILES)
        _record(tree, result, project)
        project.rename(into)
    except OSError as error:
        raise ScaffoldError(
            f"cannot write the project: {error.strerror or error}",
            hint="make room, or choose a folder with room on its disk",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return result


def default_problems(root: Path, template: str, *, trusted: bool) -> tuple[QuestionProblem, ...]:
    """The questions of a template that refuse their own defaults; nothing is rendered.

    Args:
        root: The catalog.
        template: Slug of the template; "" for a Copier template of its own.
        trusted: It is our own catalog; any other is examined in the sandbox.

    Raises:
        ScaffoldError: The questions can't be asked at all.
    """
    with staging.temporary() as scratch:
        answers = {"template": template} if template else {}
        job = RenderJob(root=root, into=scratch / "project", answers=answers, carried={})
        if trusted:
            from mlops_scaffold.render.engine import check_defaults  # noqa: PLC0415  # imports Copier

            return check_defaults(job)
        from mlops_scaffold.render.sandbox import check_defaults_limited  # noqa: PLC0415  # as rarely

        return check_defaults_limited(job)


def _run(job: RenderJob, *, trusted: bool) -> RenderResult:
    if trusted:
        from mlops_scaffold.render.engine import render_here  # noqa: PLC0415  # imports Copier

        return render_here(job)
    from mlops_scaffold.render.sandbox import render_limited  # noqa: PLC0415  # seldom needed

    return render_limited(job, max_bytes=MAX_OUTPUT_BYTES, max_files=MAX_OUTPUT_FILES)


def _record(tree: TemplateTree, result: RenderResult, project: Path) -> None:
    """Write the answers file, by its default name, in the place of what the template rendered.

    Raises:
        ScaffoldError: The template gives it a name that leads elsewhere.
    """
    rendered = PurePosixPath(result.answers_file)
    problem = next(filter(None, map(component_problem, rendered.parts)), None)
    if rendered.is_absolute() or problem or not rendered.parts:
        raise ScaffoldError(
            f"the template's `_answers_file` is refused: {result.answers_file!r}: {problem}"
        )
    path = project / default_answers_file.FILE_NAME
    try:
        text = (project / rendered).read_text(encoding="utf-8", errors="replace")
        (project / rendered).unlink()
        # What a Copier template says there is left alone, and the answers file as Copier has it.
        opening = (
            default_answers_file.comments_of if tree.standalone else default_answers_file.header_of
        )
        header = opening(text)
    except FileNotFoundError:
        header = default_answers_file.HEADER
    text = default_answers_file.text(tree.url, tree.ref, result.answers, header=header)
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(0o644)
