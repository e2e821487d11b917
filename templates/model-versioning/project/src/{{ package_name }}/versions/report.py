"""The report that CI makes of a branch: what it does to parameters, data and plots."""

from pathlib import Path
from typing import Any

from . import compare, picture
from .compare import Comparison, changes, number
from .git import Git
from .state import State, cells, text

CONFUSION = "plots/confusion.csv"
CONFIDENCE = "plots/confidence.csv"


def write(git: Git, comparison: Comparison, folder: Path) -> Path:
    """Write `report.md` and its pictures.

    Args:
        git: The project.
        comparison: The base, and what is held against it.
        folder: Where to.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(git, comparison, folder)
    path = folder / "report.md"
    path.write_text(markdown(comparison, pictures), encoding="utf-8")
    return path


def markdown(comparison: Comparison, pictures: list[str]) -> str:
    """Write the text of the report."""
    one, other = comparison.one, comparison.other
    names = (one.name, other.name)
    metrics = {name: (one.metrics.get(name), value) for name, value in other.metrics.items()}
    parts = [
        f"# {other.name} against {one.name}",
        _table("Metrics", ("metric", *names), metrics),
        _table("Parameters", ("parameter", *names), changes(one.params, other.params)),
        _table("What DVC keeps", ("path", *names), changes(_md5s(one), _md5s(other))),
        _data(comparison),
        *(f"![{Path(name).stem}]({name})" for name in pictures),
    ]
    return "\n\n".join(parts) + "\n"


def _table(title: str, header: tuple[str, ...], rows: dict[str, tuple[Any, Any]]) -> str:
    if not rows:
        return f"## {title}\n\nThe same."
    lines = [f"| {' | '.join(header)} |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {number(a)} | {number(b)} |" for name, (a, b) in rows.items()]
    return f"## {title}\n\n" + "\n".join(lines)


def _md5s(side: State) -> dict[str, str]:
    return {path: each.md5[:8] for path, each in side.tracked.items()}


def _data(comparison: Comparison) -> str:
    data = comparison.data
    if data is None:
        return f"## Data\n\n{comparison.note.capitalize()}."
    counts = ", ".join(f"{len(getattr(data, n))} {n}" for n in ("added", "removed", "changed"))
    shifts = data.shifts[: compare.SHOWN]
    lines = ["| mean of | before | after | distance |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {s.column} | {s.before:.4g} | {s.after:.4g} | {s.distance:.3f} |" for s in shifts]
    return f"## Data\n\n{data.before} rows, now {data.after}: {counts}.\n\n" + "\n".join(lines)


def _pictures(git: Git, comparison: Comparison, folder: Path) -> list[str]:
    confusion, confidence = {}, {}
    for side in (comparison.one, comparison.other):
        if pairs := cells(text(git, side.commit, CONFUSION)):
            confusion[side.name] = [(row["actual"], row["predicted"]) for row in pairs]
        if points := cells(text(git, side.commit, CONFIDENCE)):
            confidence[side.name] = [(float(r["confidence"]), float(r["right"])) for r in points]
    if not confusion or not confidence:
        return []
    picture.draw_confusion(confusion, folder / "confusion.svg")
    picture.draw_confidence(confidence, folder / "confidence.svg")
    return ["confusion.svg", "confidence.svg"]
