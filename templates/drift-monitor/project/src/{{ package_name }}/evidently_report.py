"""Evidently's report and test suite for a window, as a single HTML page.

Evidently adds detailed plots, and a second opinion with its own fixed thresholds. It is slow to
import and needs a lot of memory, so it runs in a separate process:
`python -m <package>.evidently_report REFERENCE.parquet CURRENT.parquet OUT.html TASK`.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .baseline import sample_rows, schema_of
from .engine import load_baseline
from .frame import LABEL, PREDICTION, ColumnNames, Frame, from_predictions, gather
from .records import Schema, Task
from .settings import MonitorSettings
from .sources import open_source
from .sources.files import write_parquet
from .store import events, windows
from .store.db import Database

ROWS = 5000
"""Maximum number of rows from each side; larger tables are sampled."""


class ReportError(Exception):
    """The window does not exist, or Evidently failed."""


def write(database: Database, settings: MonitorSettings, number: int, folder: Path) -> Path:
    """Write the report for a checked window and return the path of the HTML file.

    Raises:
        ReportError: The window does not exist, or Evidently failed.
    """
    with database.transaction() as tx:
        checked = windows.find(tx, number, "inputs")
        if checked is None:
            raise ReportError(f"window {number} has not been checked")
        rows = events.between(tx, checked.window.first, checked.window.last)
    reference = load_baseline(settings)
    frame = from_predictions(reference.schema, *rows[:2])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"window-{number}.html"
    render(reference.schema, reference.sample, frame, target)
    return target


def render(schema: Schema, reference: Frame, current: Frame, target: Path) -> None:
    """Let Evidently compare two tables and write its page to `target`, all or nothing.

    Raises:
        ReportError: Evidently failed.
    """
    labelled = all(has_labels(schema, frame) for frame in (reference, current))
    with TemporaryDirectory(prefix="report-") as scratch:
        files = []
        for name, frame in (("reference", reference), ("current", current)):
            files.append(f"{scratch}/{name}.parquet")
            write_parquet(files[-1], columns_of(schema, frame, labelled=labelled))
        part = target.with_suffix(".part")
        command = [sys.executable, "-m", __name__, *files, str(part), schema.task]
        done = subprocess.run(  # noqa: S603 - this module
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "DO_NOT_TRACK": "true"},
        )
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise ReportError(f"Evidently failed: {last[0]}")
        part.replace(target)


def has_labels(schema: Schema, frame: Frame) -> bool:
    """Return whether any row has a label."""
    labels = frame.labels(schema.label_kind)
    if labels is None:
        return False
    return any(value is not None and value == value for value in labels.tolist())  # noqa: PLR0124 - NaN


def columns_of(schema: Schema, frame: Frame, *, labelled: bool) -> Mapping[str, NDArray[Any]]:
    """The columns for the report, at most `ROWS` rows; if `labelled`, only rows with a label."""
    columns: dict[str, NDArray[Any]] = dict(gather(frame, schema).columns)
    rows = np.arange(frame.rows)
    if labelled:
        labels = frame.label_table(schema.label_kind).columns[LABEL]
        columns[LABEL] = labels
        present = [value is not None and value == value for value in labels.tolist()]  # noqa: PLR0124 - NaN
        rows = rows[np.array(present, dtype=bool)]
    chosen = sample_rows(len(rows), ROWS, 0)
    rows = rows if chosen is None else rows[chosen]
    return {name: values[rows] for name, values in columns.items()}


def main(reference: str, current: str, target: str, task: Task) -> None:
    """Create the page from two Parquet files."""
    import duckdb  # noqa: PLC0415 - only the separate process needs these imports
    from evidently import Dataset, Report  # noqa: PLC0415
    from evidently.presets import (  # noqa: PLC0415
        ClassificationPreset,
        DataDriftPreset,
        DataSummaryPreset,
        RegressionPreset,
    )

    schema = schema_of(open_source(reference, task, ColumnNames()), task)
    frames = [duckdb.from_parquet(file).df() for file in (reference, current)]
    labelled = LABEL in frames[0]
    classes = sorted({str(name) for frame in frames for name in frame.get(LABEL, ())})
    definition = definition_of(schema, labelled=labelled, classes=classes)
    sides = [Dataset.from_pandas(frame, definition) for frame in frames]
    metrics = [DataDriftPreset(), DataSummaryPreset()]
    if labelled and PREDICTION in frames[0]:
        metrics.append(ClassificationPreset() if task == "classification" else RegressionPreset())
    snapshot = Report(metrics, include_tests=True).run(sides[1], sides[0])
    snapshot.save_html(target)


def definition_of(schema: Schema, *, labelled: bool, classes: Sequence[str] = ()) -> Any:
    """Describe the columns for Evidently; `classes` are the class names in the labels."""
    from evidently import (  # noqa: PLC0415 - slow to import
        BinaryClassification,
        DataDefinition,
        MulticlassClassification,
        Regression,
    )

    by_kind = {
        kind: [column.name for column in schema.columns if column.kind == kind]
        for kind in ("numeric", "categorical")
    }
    evaluated = labelled and any(column.role == "prediction" for column in schema.columns)
    if evaluated:
        by_kind["numeric" if schema.task == "regression" else "categorical"].append(LABEL)
    evaluation: dict[str, Any] = {}
    if evaluated and schema.task == "classification":
        roles = {"target": LABEL, "prediction_labels": PREDICTION}
        # With two classes, Evidently needs a positive one; by default it expects the name 1.
        evaluation["classification"] = [
            BinaryClassification(**roles, pos_label=classes[0])
            if len(classes) == 2  # noqa: PLR2004 - binary
            else MulticlassClassification(**roles)
        ]
    elif evaluated:
        evaluation["regression"] = [Regression(target=LABEL, prediction=PREDICTION)]
    return DataDefinition(
        numerical_columns=by_kind["numeric"],
        categorical_columns=by_kind["categorical"],
        **evaluation,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type] # `render` passes a valid task
