"""What `list`, `show` and `roadmap` say: as text for people and as data for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_scaffold.catalog.records import LEVELS
from mlops_scaffold.cli import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.catalog.contents import Question
    from mlops_scaffold.catalog.records import Project, Section


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
    """Print projects as one aligned list, by level."""
    if not projects:
        output.line("No project matches.")
        return
    for level in LEVELS:
        found = [project for project in projects if project.level == level]
        if not found:
            continue
        durations = {project.duration for project in found}
        each = f" ({durations.pop()} each)" if len(durations) == 1 and any(durations) else ""
        output.heading(level.capitalize() + each)
        output.table([_row(project, projects) for project in found], flexible=2)
        output.line()
    if any(not project.has_template for project in projects):
        output.paragraph("* no template yet: `new` can't make it, `show` tells what it will teach")
    output.paragraph("mlops-scaffold show PROJECT tells all about one, by name or number.")


def _row(project: Project, projects: Sequence[Project]) -> tuple[str, ...]:
    digits = max(len(str(other.number or "")) for other in projects)
    names = max(len(other.slug) for other in projects) + 1
    name = project.slug + ("" if project.has_template else "*")
    return str(project.number or "").rjust(digits), name.ljust(names), project.title


def print_project(
    catalog: Catalog,
    project: Project,
    questions: Sequence[Question],
    files: Sequence[str],
    *,
    options: str = "",
) -> None:
    """Print all there is to tell about a project; `options` are those that `new` needs."""
    number = f" (project {project.number})" if project.number else ""
    output.heading(f"{project.slug}{number}: {project.title}")
    facts = (project.level, project.duration, project.dataset and f"data: {project.dataset}")
    output.paragraph("; ".join(filter(None, facts)))
    if project.objective:
        output.line()
        output.paragraph(project.objective)
    titles = catalog.roadmap.topics
    _bullets("What you learn", project.skills)
    _bullets("Know before", project.prerequisites)
    _prose("Stack", ", ".join(project.tools))
    _prose("Practises", "; ".join(titles[topic] for topic in project.topics))
    _prose("Needs", "Python 3.11+, git and make" + _further(project))
    if project.has_template:
        output.line()
        output.heading("What you get")
        output.tree(files)
        _print_questions(questions)
    _bullets("Go on with", [_titled(catalog, slug) for slug in project.next])
    output.line()
    _print_next_step(catalog, project, options)


def _further(project: Project) -> str:
    if not project.needs:
        return ""
    needs = ", ".join(need.replace("-", " ") for need in project.needs)
    return f"; for the steps beyond demo and test: {needs} (see mlops-scaffold doctor)"


def _print_questions(questions: Sequence[Question]) -> None:
    output.line()
    output.heading("Questions (answer with -d KEY=VALUE, or take the defaults with -y)")
    rows = []
    for question in questions:
        default = "" if question.default is None else f"[{question.default}]"
        choices = f" ({', '.join(question.choices)})" if question.choices else ""
        rows.append((question.short, default, question.help + choices))
    if rows:
        output.table(rows, flexible=2)


def _print_next_step(catalog: Catalog, project: Project, options: str) -> None:
    if project.has_template:
        output.line(f"mlops-scaffold new {project.slug}{options} makes it.")
        return
    nearest = catalog.nearest(project)
    output.line("This project has no template yet.")
    if nearest:
        output.line(f"The nearest that has one: mlops-scaffold new {nearest.slug}{options}")


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
        output.heading(f"Phase {phase.number}: {phase.title} ({phase.duration})")
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
        f"{len(roadmap.topics)} topics; {unpractised} of them, shown with a dash, are practised by"
        " no project yet."
    )


def _print_section(catalog: Catalog, section: Section) -> None:
    output.line(f"  {section.title}")
    for topic, title in section.topics.items():
        projects = catalog.practising(topic)
        by = ", ".join(str(project.number or project.slug) for project in projects) or "-"
        output.paragraph(f"{title}  [{by}]", indent="    ", hanging=" " * 6)


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
