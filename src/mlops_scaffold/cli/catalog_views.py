"""What `list`, `show` and `roadmap` print: text for people, data for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_scaffold.catalog.records import LEVELS
from mlops_scaffold.cli import output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.catalog.contents import Question
    from mlops_scaffold.catalog.records import Project, Section

_READY: output.Look = (None, "cyan")
_PLANNED: output.Look = ("dim", "dim", "dim")
_MARKS: Mapping[str, tuple[output.Style, ...]] = {"x": ("green",), "~": ("yellow",), " ": ()}


def project_data(catalog: Catalog, project: Project) -> dict[str, Any]:
    """A project as data for JSON."""
    titles = catalog.roadmap.topics
    return {
        "number": project.number,
        "slug": project.slug,
        "title": project.title,
        "level": project.level,
        "duration": project.duration,
        "objective": project.objective,
        "skills": list(project.skills),
        "tools": list(project.tools),
        "dataset": project.dataset,
        "prerequisites": list(project.prerequisites),
        "next": list(project.next),
        "needs": list(project.needs),
        "topics": [{"id": topic, "title": titles[topic]} for topic in project.topics],
        "phases": [phase.number for phase in catalog.phases_of(project)],
        "has_template": project.has_template,
    }


def print_projects(projects: Sequence[Project]) -> None:
    """Print projects as one aligned list, by level; planned ones are marked."""
    if not projects:
        output.line("No project matches.")
        return
    digits = max(len(str(project.number or "")) for project in projects)
    slugs = max(len(project.slug) for project in projects)
    for level in (*LEVELS, ""):
        found = [project for project in projects if project.level == level]
        if not found:
            continue
        durations = {project.duration for project in found}
        each = f" ({durations.pop()} each)" if len(durations) == 1 and any(durations) else ""
        heading = level.capitalize() or "Copier template"
        output.line(output.style(heading, "bold") + output.style(each, "dim"))
        output.table(
            [_row(project, digits, slugs) for project in found],
            flexible=2,
            styles=[_READY if project.has_template else _PLANNED for project in found],
        )
        output.line()
    planned = sum(not project.has_template for project in projects)
    if planned:
        output.paragraph(f"{planned} of {len(projects)} are planned and have no template yet.")
    output.paragraph("Details: mlops-scaffold show PROJECT, by name or number.")


def _row(project: Project, digits: int, slugs: int) -> tuple[str, ...]:
    title = project.title + ("" if project.has_template else " (planned)")
    return str(project.number or "").rjust(digits), project.slug.ljust(slugs), title


def print_project(
    catalog: Catalog,
    project: Project,
    questions: Sequence[Question],
    files: Sequence[str],
    *,
    options: str = "",
    every_file: bool = False,
) -> None:
    """Print everything about a project.

    Args:
        catalog: The catalog it belongs to.
        project: The project.
        questions: What its template asks.
        files: What its template makes.
        options: The options that `new` needs to find it.
        every_file: List every file, not only the folders and the files at the top.
    """
    number = f" (project {project.number})" if project.number else ""
    output.heading(f"{project.slug}{number}: {project.title}")
    facts = (
        project.level,
        project.duration,
        project.dataset and f"data: {project.dataset}",
        "" if project.has_template else "planned",
    )
    output.paragraph("; ".join(filter(None, facts)))
    if project.objective:
        output.line()
        output.paragraph(project.objective)
    titles = catalog.roadmap.topics
    _bullets("What you learn", project.skills)
    _bullets("Prerequisites", project.prerequisites)
    _prose("Stack", ", ".join(project.tools))
    _prose("Topics", "; ".join(titles[topic] for topic in project.topics))
    _prose("Requirements", "Python 3.11+, git and make" + _further(project))
    if files:
        _print_files(files, every=every_file)
    if questions:
        _print_questions(questions)
    _bullets("Next projects", [_titled(catalog, slug) for slug in project.next])
    output.line()
    _print_next_step(catalog, project, options)


def _further(project: Project) -> str:
    if not project.needs:
        return ""
    needs = ", ".join(need.replace("-", " ") for need in project.needs)
    return f". Beyond `make demo` and `make test`: {needs} (check with mlops-scaffold doctor)"


def _print_files(files: Sequence[str], *, every: bool) -> None:
    output.line()
    output.heading(f"Files ({len(files)})")
    if every:
        for file in files:
            output.line(f"  {file}")
        return
    rows = [(f"{'  ' * depth}{name}/", str(count)) for depth, name, count in folders(files)]
    if rows:
        output.table(rows, flexible=1, styles=["cyan"] * len(rows))
    output.paragraph(", ".join(file for file in files if "/" not in file), indent="  ")
    output.paragraph("List every file: --files", indent="  ")


def folders(files: Sequence[str]) -> tuple[tuple[int, str, int], ...]:
    """The folders of the first two levels.

    A folder that holds nothing but one other folder is joined with it (`src/package`).

    Args:
        files: Paths with `/`.

    Returns:
        Depth (0 or 1), name and number of files of each, in order.
    """
    found: list[tuple[int, str, int]] = []
    for top, below in _grouped(files).items():
        name, inside = _joined(top, below)
        found.append((0, name, len(inside)))
        found += [(1, *_counted(each, held)) for each, held in _grouped(inside).items()]
    return tuple(found)


def _grouped(files: Sequence[str]) -> dict[str, list[str]]:
    """The files below each folder, without the folder's name."""
    groups: dict[str, list[str]] = {}
    for file in sorted(files):
        folder, slash, rest = file.partition("/")
        if slash:
            groups.setdefault(folder, []).append(rest)
    return groups


def _joined(name: str, files: list[str]) -> tuple[str, list[str]]:
    groups = _grouped(files)
    while len(groups) == 1 and all("/" in file for file in files):
        ((below, files),) = groups.items()
        name, groups = f"{name}/{below}", _grouped(files)
    return name, files


def _counted(name: str, files: list[str]) -> tuple[str, int]:
    name, files = _joined(name, files)
    return name, len(files)


def _print_questions(questions: Sequence[Question]) -> None:
    output.line()
    output.heading("Questions (answer with -d KEY=VALUE, or accept the defaults with -y)")
    rows = []
    for question in questions:
        default = "" if question.default is None else f"[{question.default}]"
        choices = f" ({', '.join(question.choices)})" if question.choices else ""
        rows.append((question.short, default, question.help + choices))
    output.table(rows, flexible=2, styles=["cyan"] * len(rows))


def _print_next_step(catalog: Catalog, project: Project, options: str) -> None:
    if project.has_template:
        output.line(f"Create it: mlops-scaffold new {project.slug}{options}")
        return
    nearest = catalog.nearest(project)
    output.line("This project is planned: it has no template yet.")
    if nearest:
        output.line(f"The most similar one: mlops-scaffold new {nearest.slug}{options}")


def roadmap_data(catalog: Catalog) -> dict[str, Any]:
    """The roadmap as data for JSON, each topic with the projects that practise it."""
    roadmap = catalog.roadmap
    return {
        "phases": [
            {
                "number": phase.number,
                "id": phase.id,
                "title": phase.title,
                "duration": phase.duration,
                "sections": [_section_data(catalog, section) for section in phase.sections],
            }
            for phase in roadmap.phases
        ],
        "developments": [_section_data(catalog, section) for section in roadmap.developments],
        "resources": [
            {"title": kind.title, "items": list(kind.items)} for kind in roadmap.resources
        ],
        "unpractised": [topic for topic in roadmap.topics if not catalog.practising(topic)],
    }


def _section_data(catalog: Catalog, section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "topics": [
            {
                "id": topic,
                "title": title,
                "projects": [project.slug for project in catalog.practising(topic)],
            }
            for topic, title in section.topics.items()
        ],
    }


def print_roadmap(catalog: Catalog) -> None:
    """Print the roadmap, with the projects that practise each topic."""
    roadmap = catalog.roadmap
    for phase in roadmap.phases:
        title = output.style(f"Phase {phase.number}: {phase.title}", "bold")
        output.line(title + output.style(f" ({phase.duration})", "dim"))
        for section in phase.sections:
            _print_section(catalog, section)
        output.line()
    if roadmap.developments:
        output.heading("Recent developments")
        for section in roadmap.developments:
            _print_section(catalog, section)
        output.line()
    for kind in roadmap.resources:
        output.heading(kind.title)
        for item in kind.items:
            output.paragraph(item, indent="  - ")
        output.line()
    unpractised = sum(not catalog.practising(topic) for topic in roadmap.topics)
    output.paragraph(
        "[x] practised by a project that you can create now, [~] by a planned project, [ ] by none"
        f" ({unpractised} of {len(roadmap.topics)} topics). Numbers: mlops-scaffold list."
    )


def _print_section(catalog: Catalog, section: Section) -> None:
    output.line(f"  {section.title}")
    for topic, title in section.topics.items():
        projects = catalog.practising(topic)
        ready = any(project.has_template for project in projects)
        mark = "x" if ready else "~" if projects else " "
        by = ", ".join(str(project.number or project.slug) for project in projects)
        text = f"[{mark}] {title}" + (f" ({by})" if by else "")
        lines = output.paragraph_lines(text, indent="    ", hanging=" " * 8)
        for number, line in enumerate(lines):
            styled = f"[{output.style(mark, *_MARKS[mark])}]"
            output.line(line if number else line.replace(f"[{mark}]", styled, 1))


def _titled(catalog: Catalog, slug: str) -> str:
    return f"{slug}: {catalog.find(slug).title}"


def _bullets(title: str, items: Sequence[str]) -> None:
    if items:
        output.line()
        output.heading(title)
        for item in items:
            output.paragraph(item, indent="  - ")


def _prose(title: str, text: str) -> None:
    if text:
        output.line()
        output.heading(title)
        output.paragraph(text, indent="  ")
