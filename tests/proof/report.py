"""The report: a table for the terminal, and a page with the newest figures of every template."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from .records import Figures, StepResult

_FIGURES = {
    "files": "files",
    "lines": "lines",
    "tests": "tests",
    "coverage_pct": "coverage %",
    "install_s": "install s",
    "demo_s": "demo s",
    "test_s": "test s",
    "jobs": "CI jobs",
    "image_mb": "image MB",
    "upgrades": "upgrades",
}
_MARKS = {"ok": "ok", "failed": "FAILED", "skipped": "skipped"}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Proof of the templates</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem;
  padding: 0 1rem }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ padding: .35rem .7rem; text-align: right; border-bottom: 1px solid #8884 }}
th:first-child, td:first-child {{ text-align: left }}
.ok {{ color: light-dark(#177245, #5fd38d) }}
.failed {{ color: light-dark(#b3261e, #ff8a80); font-weight: 600 }}
.skipped {{ color: light-dark(#8a6100, #e6b450) }}
pre {{ overflow-x: auto; background: #8882; padding: .7rem; border-radius: .4rem }}
</style>
<h1>Proof of the templates</h1>
<p>{summary} Written {when}.</p>
<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div>
{details}
</html>
"""


def save(path: Path, result: StepResult) -> None:
    """Keep a result, to be read by `read`."""
    path.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")


def read(root: Path) -> list[StepResult]:
    """The newest result of each step, as kept in `.proof/`."""
    paths = sorted((root / ".proof").glob("*/*/*.json"), key=lambda path: path.stat().st_mtime)
    return [StepResult.from_json(json.loads(path.read_text())) for path in paths]


def table(results: Sequence[StepResult]) -> str:
    """The results as aligned text: a line per answer set, a column per step and figure."""
    rows = [_header(results), *_rows(results)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def write(root: Path) -> Path:
    """Write `.proof/index.html` from all that is in `.proof/`; returns its path."""
    results = read(root)
    failed = sum(each.status == "failed" for each in results)
    summary = f"{len(results)} steps, {failed} failed." if failed else f"{len(results)} steps pass."
    page = _PAGE.format(
        summary=summary,
        when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        head="".join(f"<th>{html.escape(cell)}</th>" for cell in _header(results)),
        rows="\n".join(_html_row(row) for row in _rows(results)),
        details="\n".join(_details(each) for each in results if each.findings),
    )
    path = root / ".proof" / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _steps(results: Sequence[StepResult]) -> list[str]:
    order = ["render", "read", "run", "ci", "ship", "keep-up", "upgrade"]
    return sorted({each.step for each in results}, key=order.index)


def _figures(results: Sequence[StepResult]) -> list[str]:
    return [name for name in _FIGURES if any(name in each.figures for each in results)]


def _header(results: Sequence[StepResult]) -> list[str]:
    return ["template", *_steps(results), *(_FIGURES[name] for name in _figures(results))]


def _rows(results: Sequence[StepResult]) -> list[list[str]]:
    units: dict[str, dict[str, StepResult]] = {}
    for each in results:
        units.setdefault(f"{each.template}/{each.answer_set}", {})[each.step] = each
    rows = []
    for name, steps in sorted(units.items()):
        figures: Figures = {}
        for result in steps.values():
            figures |= result.figures
        marks = [_MARKS[steps[step].status] if step in steps else "-" for step in _steps(results)]
        rows.append([name, *marks, *(str(figures.get(key, "-")) for key in _figures(results))])
    return rows


def _html_row(row: list[str]) -> str:
    cells = (
        f'<td class="{cell.lower()}">{cell}</td>'
        if cell.lower() in _MARKS
        else f"<td>{html.escape(cell)}</td>"
        for cell in row
    )
    return f"<tr>{''.join(cells)}</tr>"


def _details(result: StepResult) -> str:
    title = html.escape(f"{result.template}/{result.answer_set} {result.step}: {result.status}")
    findings = "\n".join(f"<pre>{html.escape(each)}</pre>" for each in result.findings)
    return f'<h2 class="{result.status}">{title}</h2>\n{findings}'
