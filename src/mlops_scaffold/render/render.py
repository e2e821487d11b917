"""Template tree + answers -> a folder. Copier does the rendering.

Deterministic: the same version and answers give byte-identical files with the same modes, whoever
renders them and wherever. Copier sees a plain folder (no git, none of its user settings), and what
it rendered is checked and moved into place in one step.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as answers_file
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files.portable import check_output
from mlops_scaffold.render.job import RenderJob, render_here

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_scaffold.source.base import TemplateTree

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
        job = RenderJob(tree.root, project, dict(answers), dict(carried or {}), ask=ask)
        if tree.trusted:
            final = render_here(job)
        else:
            from mlops_scaffold.render.sandbox import render_limited  # noqa: PLC0415  # seldom needed

            final = render_limited(job, max_bytes=MAX_OUTPUT_BYTES, max_files=MAX_OUTPUT_FILES)
        check_output(project, max_bytes=MAX_OUTPUT_BYTES, max_files=MAX_OUTPUT_FILES)
        _record(tree, final, project)
        project.rename(into)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return final


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
