"""The report for a branch in CI: changes in metrics, parameters, data and plots."""

from pathlib import Path
from typing import Any

from . import compare, picture
from .compare import Comparison, changes, number
from .git import Git
from .state import State, parse_csv, read_text

CONFUSION = "plots/confusion.csv"
CALIBRATION = "plots/calibration.csv"


def write(git: Git, comparison: Comparison, folder: Path) -> Path:
    """Write `report.md` and its plots.

    Args:
        git: The project's repository.
        comparison: Comparison of the base with the branch.
        folder: Folder to write to.

    Returns:
        Path of the report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(git, comparison, folder)
    path = folder / "report.md"
    path.write_text(markdown(comparison, pictures), encoding="utf-8")
    return path


def markdown(comparison: Comparison, pictures: list[str]) -> str:
    """Render the report as Markdown."""
    one, other = comparison.one, comparison.other
    names = (one.name, other.name)
    metrics = {name: (one.metrics.get(name), value) for name, value in other.metrics.items()}
    sections = [
        f"# {other.name} compared with {one.name}",
        _table("Metrics", ("metric", *names), metrics),
        _table("Parameters", ("parameter", *names), changes(one.params, other.params)),
        _table("Files tracked by DVC", ("path", *names), changes(_md5s(one), _md5s(other))),
        _data(comparison),
        *(f"![{Path(name).stem}]({name})" for name in pictures),
    ]
    return "\n\n".join(sections) + "\n"


def _table(title: str, header: tuple[str, ...], rows: dict[str, tuple[Any, Any]]) -> str:
    if not rows:
        return f"## {title}\n\nNo changes."
    lines = [f"| {' | '.join(header)} |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {number(a)} | {number(b)} |" for name, (a, b) in rows.items()]
    return f"## {title}\n\n" + "\n".join(lines)


def _md5s(state: State) -> dict[str, str]:
    return {path: tracked.md5[:8] for path, tracked in state.tracked.items()}


def _data(comparison: Comparison) -> str:
    data = comparison.data
    if data is None:
        return f"## Data\n\n{comparison.note.capitalize()}."
    counts = ", ".join(f"{len(getattr(data, n))} {n}" for n in ("added", "removed", "changed"))
    shifts = data.shifts[: compare.MAX_COLUMNS]
    lines = ["| mean of | before | after | distance |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {s.column} | {s.before:.4g} | {s.after:.4g} | {s.distance:.3f} |" for s in shifts]
    return f"## Data\n\n{data.before} rows, now {data.after}: {counts}.\n\n" + "\n".join(lines)


def _pictures(git: Git, comparison: Comparison, folder: Path) -> list[str]:
    confusion, calibration = {}, {}
    for state in (comparison.one, comparison.other):
        if pairs := parse_csv(read_text(git, state.commit, CONFUSION)):
            confusion[state.name] = [(row["actual"], row["predicted"]) for row in pairs]
        if points := parse_csv(read_text(git, state.commit, CALIBRATION)):
            calibration[state.name] = [
                (float(r["confidence"]), float(r["accuracy"])) for r in points
            ]
    if not confusion or not calibration:
        return []
    picture.draw_confusion(confusion, folder / "confusion.svg")
    picture.draw_calibration(calibration, folder / "calibration.svg")
    return ["confusion.svg", "calibration.svg"]
