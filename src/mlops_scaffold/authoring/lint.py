"""Check a catalog for its authors: each finding has a place, a rule and a fix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_scaffold.catalog import copier_yml, yamlfile
from mlops_scaffold.catalog.loading import load
from mlops_scaffold.errors import ScaffoldError, UsageError, did_you_mean
from mlops_scaffold.files.portable import component_problem, like_git_folder
from mlops_scaffold.render.render import default_problems
from mlops_scaffold.source.base import TOOL_LEFTOVERS
from mlops_scaffold.source.builtin import builtin_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_scaffold.authoring.jinja_checks import JinjaChecks
    from mlops_scaffold.catalog.copier_yml import Entry

# What `copier.yml` can say of a question.
QUESTION_KEYS = (
    *("ask", "choices", "default", "help", "multiline", "multiselect", "placeholder", "qmark"),
    *("secret", "type", "validator", "when"),
)
_UNSAFE = {"unsafe-setting"}
MAX_QUESTIONS, MAX_OWN_QUESTIONS = 5, 3
_ONE_LINE_DEPENDENCIES = re.compile(r"^dependencies\s*=\s*\[[^\n\]]*[\"'][^\n\]]*\]", re.MULTILINE)
_PLACE = re.compile(r"^(?P<file>.+?)(?:, line |:)(?P<line>\d+)?: (?P<what>.*)", re.DOTALL)
# What every repository made from a template of ours has (see CONTRIBUTING.md).
CONTRACT = (
    *(".dockerignore", ".editorconfig", ".env.example", ".gitignore", ".pre-commit-config.yaml"),
    *(".github/workflows/ci.yml", "Dockerfile", "LICENSE", "Makefile", "README.md"),
    *("compose.yaml", "constraints.txt", "pyproject.toml", "src", "tests"),
)


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to correct; `file` is relative to the catalog, `line` counts from 1."""

    file: str
    line: int
    rule: str
    message: str
    fix: str


def check(root: Path, *, contract: bool | None = None) -> tuple[Finding, ...]:
    """Every finding in the catalog at `root`, by place.

    Args:
        root: The folder with `copier.yml`, `catalog.yaml` and `templates/`.
        contract: Also check our own contract for templates (default: for our own catalog).
    """
    ours = root == builtin_root() if contract is None else contract
    try:
        entries = copier_yml.entries(root)
        known = load(root)
    except ScaffoldError as error:
        return (_unreadable(root, error),)
    slugs = [path.parent.name for path in sorted((root / "templates").glob("*/project"))]
    if known.standalone and slugs:
        message = "a catalog lists its projects here, and there is no such file"
        fix = f"add it, with a project that has `slug: {slugs[0]}`, a title and a level"
        return (Finding("catalog.yaml", 1, "missing", message, fix),)
    found = [
        *_settings(root, entries),
        *_questions(root, entries),
        *_counts(entries, slugs),
        *_catalog(slugs, {project.slug for project in known.projects}),
    ]
    answers_file = _answers_file(entries)
    for slug in slugs:
        found += _answer_sets(root, slug, entries)
        found += _files(root, slug, answers_file)
        found += _contract(root, slug) if ours else ()
    for path in _walk(root / "templates"):
        found += _dependencies(root, path)
    if not any(finding.rule in _UNSAFE for finding in found):  # else Copier must not even be set up
        found += _rendering(root, slugs, entries)
    return tuple(sorted(set(found)))


def _rendering(root: Path, slugs: list[str], entries: tuple[Entry, ...]) -> Iterator[Finding]:
    """Findings for which Copier and Jinja are needed."""
    from mlops_scaffold.authoring.jinja_checks import JinjaChecks  # noqa: PLC0415  # imports Copier

    try:
        checks = JinjaChecks(root)
    except ScaffoldError as error:
        yield Finding("copier.yml", 1, "settings", error.message, "correct it")
        return
    for entry in entries:
        yield from _entry_texts(root, entry, checks)
    suffix = str(next((e.value for e in entries if e.key == "_templates_suffix"), None) or ".jinja")
    if not slugs:  # a Copier template of its own
        for path in _own_files(root, entries):
            yield from _names(root, path, checks)
            if path.is_file() and path.name.endswith(suffix):
                yield from _text(root, path, checks, suffix)
        yield from _defaults(root, "", entries)
    for path in _walk(root / "templates") if slugs else ():
        project = root / "templates" / path.relative_to(root / "templates").parts[0] / "project"
        shared = path.is_relative_to(root / "templates" / "_shared")
        if path.is_relative_to(project):
            yield from _names(root, path, checks)
        rendered = path.name.endswith(suffix) and path.is_relative_to(project)
        if path.is_file() and (shared or rendered):
            yield from _text(root, path, checks, suffix if rendered else "")
    for slug in slugs:
        yield from _defaults(root, slug, entries)


def _own_files(root: Path, entries: tuple[Entry, ...]) -> Iterator[Path]:
    """What a Copier template of its own renders, as far as is known without running Jinja."""
    folder = str(next((e.value for e in entries if e.key == "_subdirectory"), None) or "")
    start = root / folder
    for path in _walk(start) if start.is_dir() else ():
        if ".git" not in path.relative_to(root).parts and not copier_yml.is_config(path):
            yield path


def _entry_texts(root: Path, entry: Entry, checks: JinjaChecks) -> Iterator[Finding]:
    from mlops_scaffold.authoring.jinja_checks import question_texts  # noqa: PLC0415  # imports Copier

    if entry.key == "_envops":
        return
    texts = {"": entry.value} if entry.is_setting else question_texts(entry.value)
    for name, value in texts.items():
        for trap in checks.check_value(value):
            what = f"({name}) {trap.message}" if name else trap.message
            yield _at(root, entry, trap.rule, what, trap.fix)


def _defaults(root: Path, slug: str, entries: tuple[Entry, ...]) -> Iterator[Finding]:
    """Defaults that their own questions refuse."""
    places = {entry.key: entry for entry in entries}
    try:
        problems = default_problems(root, slug, trusted=root == builtin_root())
    except ScaffoldError as error:
        fix = "correct it, then check again"
        what = f"{slug}: {error.message}" if slug else error.message
        yield Finding("copier.yml", 1, "questions", what, fix)
        return
    for problem in problems:
        what = problem.message.removeprefix(f"{problem.key}: ")
        fix = "give a default that fits, or none at all"
        what = f"in {slug}: {what}" if slug else what
        yield _at(root, places[problem.key], "default", what, fix)


def _unreadable(root: Path, error: ScaffoldError) -> Finding:
    place = _PLACE.match(error.message)
    file = Path(place["file"]) if place else root / "copier.yml"
    name = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    what = place["what"] if place else error.message
    line = int(place["line"] or 1) if place else 1
    return Finding(name, line, "unreadable", what, "correct it, then check again")


def _at(root: Path, entry: Entry, rule: str, message: str, fix: str) -> Finding:
    name = entry.node.file.relative_to(root).as_posix()
    return Finding(name, entry.node.line(), rule, f"`{entry.key}` {message}", fix)


def _settings(root: Path, entries: tuple[Entry, ...]) -> Iterator[Finding]:
    for entry in (entry for entry in entries if entry.is_setting):
        if entry.key not in copier_yml.HARMLESS_SETTINGS:
            message = "can run code, or read or write outside the project"
            yield _at(root, entry, "unsafe-setting", message, "remove it: rendering is refused")
        if entry.node.file != copier_yml.config_file(root):
            message = "is in an included file, but applies to every template"
            yield _at(root, entry, "included-setting", message, "move it to copier.yml")


def _questions(root: Path, entries: tuple[Entry, ...]) -> Iterator[Finding]:
    seen: dict[str, Entry] = {}
    for entry in entries:
        if entry.key in seen and entry.key not in {"_exclude", "_skip_if_exists"}:
            first = seen[entry.key].node.file.relative_to(root).as_posix()
            message = f"is also in {first}; the file system decides which of them counts"
            yield _at(root, entry, "collision", message, "rename one of them")
        seen.setdefault(entry.key, entry)
        if not entry.is_setting:
            yield from _question(root, entry)


def _question(root: Path, entry: Entry) -> Iterator[Finding]:
    details: Mapping[str, Any] = entry.value if isinstance(entry.value, dict) else {}
    for key in details:
        if key not in QUESTION_KEYS:
            fix = did_you_mean(str(key), QUESTION_KEYS) or f"known: {', '.join(QUESTION_KEYS)}"
            yield _at(root, entry, "unknown-key", f"has `{key}`, which Copier ignores", fix)
    if details.get("default") == "" and details.get("validator"):
        message = "defaults to nothing, which its validator may refuse: then -y makes nothing"
        fix = "give a default that fits, or none at all"
        yield _at(root, entry, "empty-default", message, fix)
    if entry.node.file == copier_yml.config_file(root):
        return
    slug = entry.node.file.parent.name
    prefix = slug.replace("-", "_") + "_"
    if not entry.key.startswith(prefix):
        message = f"is a question of {slug} but lacks its prefix"
        yield _at(root, entry, "prefix", message, f"name it {prefix}{entry.key}")
    if not entry.computed and not re.search(rf"template\s*==\s*['\"]{slug}['\"]", str(entry.when)):
        message = "is asked whatever the template is"
        fix = f"""add: when: "{{{{ template == '{slug}' }}}}\""""
        yield _at(root, entry, "asked-everywhere", message, fix)


def _counts(entries: tuple[Entry, ...], slugs: list[str]) -> Iterator[Finding]:
    for slug in slugs:
        prefix = slug.replace("-", "_") + "_"
        asked = {e.key for e in entries if not (e.is_setting or e.computed or e.key == "template")}
        shared = {e.key for e in entries if e.node.file.name.startswith("copier.")} & asked
        own = {key for key in asked if key.startswith(prefix)} - shared
        for limit, count in ((MAX_OWN_QUESTIONS, len(own)), (MAX_QUESTIONS, len(own | shared))):
            if count > limit:
                message = f"{slug} asks {count} questions; the limit is {limit}"
                fix = "drop a question, or compute its answer (`when: false`)"
                yield Finding(f"templates/{slug}/questions.yml", 1, "too-many", message, fix)
                break


def _catalog(slugs: list[str], listed: set[str]) -> Iterator[Finding]:
    for slug in slugs:
        if slug not in listed:
            message = f"{slug} has a template, but catalog.yaml does not list it"
            fix = f"add a project with `slug: {slug}`"
            yield Finding("catalog.yaml", 1, "unlisted", message, fix)


def _answer_sets(root: Path, slug: str, entries: tuple[Entry, ...]) -> Iterator[Finding]:
    file = root / "templates" / slug / "proof.yml"
    if not file.is_file():
        return
    known = {entry.key: entry for entry in entries if not entry.is_setting}
    for document in yamlfile.read(file):
        sets = document.child("answer_sets")
        for _, answers in sets.entries() if isinstance(sets.value, dict) else ():
            if not isinstance(answers.value, dict):
                continue
            try:
                copier_yml.full_keys(known, slug, answers.value)
            except UsageError as error:
                name = file.relative_to(root).as_posix()
                fix = error.hint or "set only what is asked"
                yield Finding(name, answers.line(), "answer-set", error.message, fix)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if not TOOL_LEFTOVERS.intersection(path.relative_to(folder).parts):
            yield path


def _answers_file(entries: tuple[Entry, ...]) -> str:
    """What the template of the answers file is called, with the catalog's delimiters."""
    settings = {entry.key: entry.value for entry in entries if entry.is_setting}
    options = settings.get("_envops")
    options = options if isinstance(options, dict) else {}
    start = options.get("variable_start_string", "{{")
    end = options.get("variable_end_string", "}}")
    suffix = settings.get("_templates_suffix") or ".jinja"
    return f"{start} _copier_conf.answers_file {end}{suffix}"


def _files(root: Path, slug: str, answers_file: str) -> Iterator[Finding]:
    project = root / "templates" / slug / "project"
    if not (project / answers_file).is_file():
        message = "Copier can't update a project without an answers file"
        fix = f"add a file named {answers_file}, as in templates/model-service/project"
        yield Finding(f"templates/{slug}/project", 1, "no-answers-file", message, fix)
    for path in _walk(project):
        name, inner = path.relative_to(root).as_posix(), path.relative_to(project).as_posix()
        yield from _name(root, path, name)
        if path.name == ".gitignore":
            message = "git applies it here too, and ignores files of the template"
            yield Finding(name, 1, "gitignore", message, "name it .gitignore.jinja")
        for place, other in ((root, f"{inner}.jinja"), (project, f"{inner}.jinja")):
            if path.is_file() and (place / other).exists():
                shadow = (place / other).relative_to(root).as_posix()
                message = f"is never rendered, because of {shadow}"
                yield Finding(name, 1, "shadowed", message, "rename one of the two")


def _name(root: Path, path: Path, name: str) -> Iterator[Finding]:
    if like_git_folder(path.name):
        message = "some systems take this name for git's own folder"
        yield Finding(name, 1, "git-like", message, "rename it: rendering is refused")
    elif "{" not in path.name and (problem := component_problem(path.name)):
        yield Finding(name, 1, "bad-name", problem, "rename it: rendering is refused")
    if path.is_symlink():
        inside = path.resolve().is_relative_to(root.resolve())
        message = "is a link" if inside else "is a link that leads out of the catalog"
        yield Finding(name, 1, "link", message, "put the file itself there")


def _names(root: Path, path: Path, checks: JinjaChecks) -> Iterator[Finding]:
    """The Jinja in the name of a rendered file or folder."""
    for trap in checks.check(path.name):
        name = path.relative_to(root).as_posix()
        yield Finding(name, 1, trap.rule, f"its name: {trap.message}", trap.fix)


def _text(root: Path, path: Path, checks: JinjaChecks, suffix: str) -> Iterator[Finding]:
    """The Jinja in a file.

    Args:
        root: The catalog.
        path: The file.
        checks: The catalog's checks.
        suffix: The suffix that makes it a template; "" if others include it.
    """
    name = path.relative_to(root).as_posix()
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if suffix:  # else a shared binary file, which is not rendered
            line = raw.count(b"\n", 0, error.start) + 1
            message = f"is not UTF-8 at byte {error.start}, and can't be rendered"
            yield Finding(name, line, "encoding", message, f"save it as UTF-8, or drop {suffix}")
        return
    for trap in checks.check(text):
        yield Finding(name, trap.line, trap.rule, trap.message, trap.fix)


def _dependencies(root: Path, path: Path) -> Iterator[Finding]:
    if not path.is_file() or not path.name.startswith("pyproject.toml"):
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    for match in _ONE_LINE_DEPENDENCIES.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        message = "several dependencies on a line can't be merged one by one"
        name = path.relative_to(root).as_posix()
        yield Finding(name, line, "dependencies", message, "one entry per line")


def _contract(root: Path, slug: str) -> Iterator[Finding]:
    project = root / "templates" / slug / "project"
    for name in CONTRACT:
        if not (project / name).exists() and not (project / f"{name}.jinja").exists():
            message = f"every template has {name}"
            fix = f"add {name}, or {name}.jinja that includes the one in templates/_shared"
            yield Finding(f"templates/{slug}/project", 1, "contract", message, fix)
