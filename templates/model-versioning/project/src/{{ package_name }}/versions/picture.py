"""SVG pictures: the lineage of a version, and plots that compare two versions' models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from .lineage import Lineage

_COLORS = {"data": "#dbeafe", "stage": "#fef3c7", "model": "#dcfce7", "version": "#f3e8ff"}
_CELL = (2.6, 1.0)
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "versions", "font.size": 9}


def graph(found: Lineage) -> tuple[dict[str, tuple[str, str]], list[tuple[str, str]]]:
    """Build the lineage graph of a version.

    Returns:
        Node -> its kind (`data`, `stage`, `model`, `version`) and its text; edges as (from, to).
    """
    manifest = found.release.manifest
    nodes: dict[str, tuple[str, str]] = {}
    edges: list[tuple[str, str]] = []
    for name, stage in found.stages.items():
        nodes[name] = ("stage", name)
        for direction, files in (("in", stage.get("deps", [])), ("out", stage.get("outs", []))):
            for file in files:
                path = file["path"]
                if path.endswith(".py"):
                    continue
                kind = "model" if path == manifest.model.path else "data"
                nodes[path] = (kind, f"{path}\n{file.get('md5', '')[:8]}")
                edges.append((path, name) if direction == "in" else (name, path))
    version = f"version {manifest.version}"
    nodes[version] = ("version", f"{version}\n{found.release.commit[:8]}")
    edges.append((manifest.model.path, version))
    for parent in manifest.parents:
        nodes[f"version {parent}"] = ("version", f"version {parent}")
        edges.append((f"version {parent}", version))
    return nodes, edges


def columns(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Place each node to the right of its inputs: its column is the longest path leading to it."""
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for start, end in edges:
            depth[end] = max(depth[end], depth[start] + 1)
    return depth


def draw_lineage(found: Lineage, path: Path) -> None:
    """Draw the graph of a version as an SVG file; the same version gives the same bytes."""
    nodes, edges = graph(found)
    depth = columns(list(nodes), edges)
    rows: dict[int, int] = {}
    positions = {}
    for name in nodes:
        positions[name] = (depth[name] * _CELL[0], -rows.get(depth[name], 0) * _CELL[1])
        rows[depth[name]] = rows.get(depth[name], 0) + 1
    width, height = (max(depth.values()) + 1) * 1.9, max(rows.values()) * 0.85 + 0.3
    figure, (axes,) = _figure((width, height))
    axes.set_axis_off()
    axes.set_xlim(-1.2, max(depth.values()) * _CELL[0] + 1.2)
    axes.set_ylim(-(max(rows.values()) - 1) * _CELL[1] - 0.6, 0.6)
    for start, end in edges:
        (x, y), (u, v) = positions[start], positions[end]
        arrow = {"arrowstyle": "->", "color": "#6b7280"}
        axes.annotate("", xy=(u - 1.0, v), xytext=(x + 1.0, y), arrowprops=arrow)
    for name, (kind, label) in nodes.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": _COLORS[kind], "edgecolor": "#9ca3af"}
        axes.text(*positions[name], label, ha="center", va="center", bbox=box)
    _save(figure, path)


def draw_calibration(models: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """Plot the calibration of models, confidence against accuracy, as an SVG file."""
    figure, (axes,) = _figure((5, 4))
    axes.set(title="Calibration", xlabel="mean confidence", ylabel="accuracy")
    axes.plot([0, 1], [0, 1], color="#9ca3af", linestyle=":")
    for name, points in models.items():
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", label=name)
    axes.legend()
    _save(figure, path)


def draw_confusion(models: dict[str, list[tuple[str, str]]], path: Path) -> None:
    """Plot confusion matrices side by side, as an SVG file.

    Args:
        models: Name -> pairs of the actual and the predicted label.
        path: File to write.
    """
    labels = sorted({label for pairs in models.values() for pair in pairs for label in pair})
    figure, all_axes = _figure((4.5 * len(models), 4), len(models))
    for axes, (name, pairs) in zip(all_axes, models.items(), strict=True):
        counts = [[pairs.count((a, p)) for p in labels] for a in labels]
        axes.imshow(counts, cmap="Blues")
        axes.set(title=name, xlabel="predicted", ylabel="actual")
        axes.set_xticks(range(len(labels)), labels, rotation=30)
        axes.set_yticks(range(len(labels)), labels)
        largest = max(map(max, counts))
        for row, row_counts in enumerate(counts):
            for column, count in enumerate(row_counts):
                color = "white" if count > largest / 2 else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=color)
    _save(figure, path)


def _figure(size: tuple[float, float], count: int = 1) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasSVG(figure)  # needs no display and avoids pyplot's global state
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        figure.savefig(path, metadata={"Date": None})
