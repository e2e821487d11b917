"""The report: a table for the terminal, and a page with the state and figures of every template."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .domain import Figures, StepResult
from .records import LASTS_DAYS
from .standing import Standing
from .steps import STEPS

_FIGURES = {
    "files": "files",
    "lines": "lines",
    "tests": "tests",
    "coverage_pct": "coverage %",
    "install_s": "install s",
    "demo_s": "demo s",
    "test_s": "test s",
    "test_cpu_s": "test CPU s",
    "jobs": "CI jobs",
    "image_mb": "image MB",
    "upgrades": "upgrades",
}
_TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True)
class Cell:
    """How a step stands, for people."""

    text: str
    kind: str  # a class of the page: now, earlier, failed, skipped, unproved


@dataclass(frozen=True)
class Row:
    """One template with one answer set."""

    name: str
    cells: dict[str, Cell]
    figures: Figures
    minutes: float  # of one worker, for all steps


def save(path: Path, result: StepResult) -> None:
    """Keep a result, to be read by `read`."""
    path.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")


def read(root: Path) -> list[StepResult]:
    """The newest result of each step, as kept in `.proof/`."""
    paths = sorted((root / ".proof").glob("*/*/*.json"), key=lambda path: path.stat().st_mtime)
    return [StepResult.from_json(json.loads(path.read_text())) for path in paths]


def rows(found: Sequence[Standing], results: Sequence[StepResult] = ()) -> list[Row]:
    """A row per answer set, of where its steps stand and what became of them in this run."""
    now = {(each.template, each.answer_set, each.step): each for each in results}
    names = dict.fromkeys((each.template, each.answer_set) for each in found)
    made = []
    for template, answers in names:
        own = [each for each in found if (each.template, each.answer_set) == (template, answers)]
        cells, figures, seconds = {}, Figures(), 0.0
        for each in own:
            result = now.get((template, answers, each.step))
            cells[each.step] = _cell(each, result)
            if result is not None and result.status in ("ok", "failed"):
                figures |= result.figures
                seconds += result.seconds
            elif each.record is not None:
                figures |= each.record.figures
                seconds += each.record.seconds
        seconds += float(figures.get("install_s", 0))
        made.append(Row(f"{template}/{answers}", cells, figures, round(seconds / 60, 1)))
    return made


def _cell(each: Standing, result: StepResult | None) -> Cell:
    if result is not None and result.status == "ok":
        return Cell(f"now {result.seconds:.0f} s", "now")
    if result is not None and result.status in ("failed", "skipped"):
        return Cell("FAILED" if result.status == "failed" else "skipped", result.status)
    if each.record is not None and each.proved:
        return Cell(each.record.date.isoformat(), "earlier")
    return Cell("UNPROVED", "unproved")


def table(made: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [_header(made), *(_texts(row, made) for row in made)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    text = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def write(root: Path, made: Sequence[Row], missing: Sequence[str]) -> Path:
    """Write `.proof/index.html`: these rows, and what failed as kept in `.proof/`."""
    failed = [each for each in read(root) if each.status == "failed"]
    page = _TEMPLATE.read_text(encoding="utf-8").format(
        summary=html.escape(summary(made)),
        when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        head="".join(f"<th>{html.escape(cell)}</th>" for cell in _header(made)),
        rows="\n".join(_html_row(row, made) for row in made),
        missing="\n".join(f"<li>{html.escape(line)}</li>" for line in missing),
        details="\n".join(_details(each) for each in failed),
    )
    path = root / ".proof" / "index.html"
    path.parent.mkdir(exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def summary(made: Sequence[Row]) -> str:
    """How many steps stand how, in words."""
    kinds = [cell.kind for row in made for cell in row.cells.values()]
    words = {
        "now": "proved now",
        "earlier": "proved earlier",
        "failed": "failed",
        "skipped": "skipped",
        "unproved": "unproved",
    }
    counted = [f"{kinds.count(kind)} {text}" for kind, text in words.items() if kind in kinds]
    return f"{len(kinds)} steps: {', '.join(counted)}. A proof lasts {LASTS_DAYS} days."


def _figures(made: Sequence[Row]) -> list[str]:
    return [name for name in _FIGURES if any(name in row.figures for row in made)]


def _header(made: Sequence[Row]) -> list[str]:
    shown = [step for step in STEPS if any(step in row.cells for row in made)]
    return ["template", *shown, *(_FIGURES[name] for name in _figures(made)), "minutes"]


def _texts(row: Row, made: Sequence[Row]) -> list[str]:
    shown = [step for step in STEPS if any(step in each.cells for each in made)]
    cells = [row.cells[step].text if step in row.cells else "-" for step in shown]
    figures = [str(row.figures.get(name, "-")) for name in _figures(made)]
    return [row.name, *cells, *figures, str(row.minutes or "-")]


def _html_row(row: Row, made: Sequence[Row]) -> str:
    kinds = {cell.text: cell.kind for cell in row.cells.values()}
    cells: Iterable[str] = (
        f'<td class="{kinds[text]}">{html.escape(text)}</td>'
        if text in kinds
        else f"<td>{html.escape(text)}</td>"
        for text in _texts(row, made)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _details(result: StepResult) -> str:
    title = html.escape(f"{result.template}/{result.answer_set} {result.step}: {result.status}")
    findings = "\n".join(f"<pre>{html.escape(each)}</pre>" for each in result.findings)
    return f'<h2 class="{result.status}">{title}</h2>\n{findings}'
