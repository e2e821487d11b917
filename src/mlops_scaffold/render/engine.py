"""Copier as a library: plain folders, our rules for answers, and errors that name their place.

Only this module and `questions` use internals of Copier; `tests/source/test_copier.py` checks each
of them. Import it only where something is rendered: Copier is slow to import.

Rendering changes nothing for the whole process except the warning filters, which Python 3.13 and
earlier can't set per thread: run concurrent renders in processes, not threads.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from copier._jinja_ext import get_yield_context
from copier._main import Worker
from copier._settings import SettingsModel
from copier._template import Template
from copier._types import MISSING
from copier._user_data import AnswersMap, Question
from copier.errors import CopierError

from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.render import template_errors
from mlops_scaffold.render.job import QuestionProblem, RenderResult
from mlops_scaffold.render.questions import Answering, printable, show

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import jinja2
    from copier._jinja_ext import SandboxedEnvironment
    from copier._types import AnyByStrDict, AnyByStrMutableMapping

    from mlops_scaffold.catalog.copier_yml import Entry
    from mlops_scaffold.render.job import RenderJob


def render_here(job: RenderJob) -> RenderResult:
    """Render in this process. The result is not checked; see `render`.

    Raises:
        UsageError: An answer that can't be, or one that is missing.
        ScaffoldError: The template is broken, or the disk is full.
    """
    engine = _engine(job)
    job.into.mkdir()
    with warnings.catch_warnings():  # deprecations in the template are for its authors
        warnings.simplefilter("ignore")
        engine.run()
    return RenderResult(
        answers=engine.recorded(),
        replaced=tuple(engine.answering.replaced),
        answers_file=engine.answers_relpath.as_posix(),
        once=tuple(engine.rendered_once()),
        message_before="" if job.ask else engine.message_before,
        message_after=engine.message("after"),
    )


def check_defaults(job: RenderJob) -> tuple[QuestionProblem, ...]:
    """What is wrong with the questions that are asked with default answers; nothing is rendered."""
    engine = _engine(job)
    with warnings.catch_warnings():  # see above
        warnings.simplefilter("ignore")
        return tuple(engine.examine())


def environment(root: Path) -> jinja2.Environment:
    """The Jinja environment in which the catalog at `root` is rendered, set up by its `_envops`.

    Raises:
        ScaffoldError: Its settings are broken.
    """
    try:
        engine = _Engine(src_path=str(root), settings=SettingsModel())
        found: jinja2.Environment = engine.jinja_env
    except (CopierError, ValueError, TypeError) as error:
        raise template_errors.elsewhere(error, root) from error
    return found


def _engine(job: RenderJob) -> _Engine:
    known = copier_yml.questions(job.root)
    template = str(job.answers.get("template") or job.carried.get("template") or "")
    given = copier_yml.full_keys(known, template, job.answers)
    engine = _Engine(
        src_path=str(job.root),
        dst_path=job.into,
        answers_file=Path(job.answers_file) if job.answers_file else None,
        settings=SettingsModel(),  # not the user's: they would change the result
        data=dict(given),
        defaults=not job.ask,
        overwrite=True,
        cleanup_on_error=False,
        quiet=True,
    )
    engine.job = job
    engine.operation = job.operation
    engine.known = known
    engine.carried = dict(job.carried)
    engine.answering = Answering(given, job, prefix=template.replace("-", "_") + "_")
    return engine


class _TemplateTree(Template):
    """A template read from a folder as it is, also where that is a checkout.

    It knows where the contents of the folder came from: templates may write that into a project.
    """

    vcs = None
    root: Path
    recorded_ref: str | None

    @cached_property
    def local_abspath(self) -> Path:
        return self.root.resolve()

    @cached_property
    def commit(self) -> str | None:
        return self.recorded_ref


# Of a Jinja environment: what the compiled code depends on, all of which `_envops` can set.
_SYNTAX = (
    *("block_start_string", "block_end_string", "variable_start_string", "variable_end_string"),
    *("comment_start_string", "comment_end_string", "line_statement_prefix"),
    *("line_comment_prefix", "trim_blocks", "lstrip_blocks", "newline_sequence"),
    *("keep_trailing_newline", "optimized", "autoescape"),
)


class _CompileOnce:
    """Compile each text once, whichever project and version it is of.

    Two versions, and the projects of a fleet, have nearly all texts in common. Jinja's own cache is
    for templates in files; most of these are names and questions. Compiled code doesn't hold
    answers: they come in when it runs. Without this, an upgrade of eight projects takes twice the
    CPU time (12 against 5 to 7 s), and one project a tenth more.
    """

    _done: ClassVar[dict[Hashable, Any]] = {}

    def __init__(self, env: jinja2.Environment) -> None:
        self._env = env
        self._compile = env.compile
        settings = tuple(getattr(env, name) for name in _SYNTAX)
        self._key = (type(env), settings, frozenset(env.extensions))

    def __call__(self, source: Any, name: str | None = None, *more: Any, **options: Any) -> Any:
        if not isinstance(source, str) or options.get("raw"):
            return self._compile(source, name, *more, **options)
        key = (self._key, source, name, bool(options))
        if key not in self._done:
            self._done[key] = self._compile(source, name, *more, **options)
        else:  # as Copier's `yield` tag does for each text before it is compiled
            loop = get_yield_context(self._env)
            loop.yield_name = loop.yield_iterable = None
        return self._done[key]


class _Engine(Worker):
    """One run of Copier."""

    job: RenderJob | None = None
    operation: str
    known: Mapping[str, Entry]
    carried: AnyByStrDict
    answering: Answering
    message_before: str = ""

    def run(self) -> None:
        """Render.

        Raises:
            UsageError: As `render_here`.
            ScaffoldError: As `render_here`.
        """
        try:
            self.run_copy()
        except ScaffoldError:
            raise
        except Exception as error:  # a template's expressions can raise anything at all
            raise template_errors.elsewhere(error, self._root) from error

    def examine(self) -> Iterable[QuestionProblem]:
        """Ask nothing, and yield each question that fails with its default."""
        self._begin()
        for key, details in self.template.questions_data.items():
            try:
                self._settle(key, details, required=False)
            except ScaffoldError as error:
                yield QuestionProblem(key, error.message)

    def recorded(self) -> dict[str, Any]:
        """The answers for the answers file."""
        found = self.answers.combined
        left_out = self.template.secret_questions | self.answers.hidden
        return {key: found[key] for key in self.known if key in found and key not in left_out}

    def rendered_once(self) -> Iterable[str]:
        """Rendered files that upgrades leave alone where they exist (`_skip_if_exists`)."""
        if not self.template.skip_if_exists:
            return
        root = Path(self.dst_path)
        for path in sorted(path for path in root.rglob("*") if not path.is_dir()):
            if self.match_skip(path.relative_to(root)):
                yield path.relative_to(root).as_posix()

    def message(self, moment: str) -> str:
        """The template's message before or after its operation.

        Raises:
            ScaffoldError: It is broken.
        """
        name = f"message_{moment}_{self.operation}"
        try:
            return printable(self._render_string(getattr(self.template, name)))
        except Exception as error:  # see `run`
            raise template_errors.in_setting(error, f"_{name}") from error

    @property
    def _root(self) -> Path:
        return Path(str(self.src_path))

    @cached_property
    def template(self) -> Template:
        found = _TemplateTree(url=self.job.url if self.job else str(self.src_path))
        found.root = self._root
        found.recorded_ref = (self.job.ref if self.job else "") or None
        return found

    @cached_property
    def jinja_env(self) -> SandboxedEnvironment:
        found = super().jinja_env
        found.compile = _CompileOnce(found)  # type: ignore[method-assign]
        return found

    def _render_context(self) -> AnyByStrMutableMapping:
        context: AnyByStrMutableMapping = super()._render_context()
        if self.job:
            context["_folder_name"] = self.job.folder
        return context

    def _ask(self) -> None:
        """Settle every question by our rules instead of Copier's."""
        self._begin()
        self.message_before = self.message("before")
        if self.message_before and self.answering.job.ask:
            show(f"{self.message_before}\n")
        for key, details in self.template.questions_data.items():
            self._settle(key, details)
        self.answers.external = self._external_data()

    def _begin(self) -> None:
        self.answers = AnswersMap(
            init=self.data,
            last=self.carried,
            metadata=self.template.metadata,
            external=self._external_data(),
        )

    def _settle(self, key: str, details: Mapping[str, Any], *, required: bool = True) -> None:
        """Decide the answer to one question."""
        try:
            question = Question(
                answers=self.answers,
                context=self._render_context(),
                jinja_env=self.jinja_env,
                settings=self.settings,
                var_name=key,
                **details,
            )
            if question.get_when():
                answer = self.answering.answer(question, required=required)
            else:
                answer = self.answering.skip(question)
        except ScaffoldError:
            raise
        except Exception as error:  # see `run`
            raise template_errors.in_question(error, self.known[key], self._root) from error
        if answer is not MISSING:
            self.answers.user[key] = answer

    def _render_template(self) -> None:
        if not self.template_copy_root.is_dir():
            missing = template_errors.relative(self.template_copy_root, self._root)
            raise ScaffoldError(f"the template is broken: there is no folder {missing}")
        super()._render_template()

    def _render_path(self, relpath: Path) -> Iterable[tuple[Path, AnyByStrDict | None]]:
        try:
            yield from super()._render_path(relpath)
        except Exception as error:  # see `run`
            file = self.template_copy_root.relative_to(self.template.local_abspath) / relpath
            raise template_errors.in_file(error, file, self._root) from error

    def _render_file(
        self, src_relpath: Path, dst_relpath: Path, extra_context: AnyByStrDict | None = None
    ) -> None:
        try:
            super()._render_file(src_relpath, dst_relpath, extra_context)
        except Exception as error:  # see `run`
            raise template_errors.in_file(error, src_relpath, self._root) from error

    def _sync_git_index_executable_bit(self, dst_relpath: Path, src_mode: int) -> None:
        """Nothing: a new project has no index, and Copier would start git for each file."""
