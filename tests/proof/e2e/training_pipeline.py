"""End-to-end check of training-pipeline: run it, predict with it, break it, compare the numbers.

It uses only the project's make targets, the files that its README documents, and the standard
library. Predictions are compared with scikit-learn's own copy of the data set, which is read with
the project's Python.

    python3 training_pipeline.py prepare PROJECT
    python3 training_pipeline.py check PROJECT
    python3 training_pipeline.py check PROJECT --state FOLDER   (the volume of a container)
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import Report, arguments  # type: ignore[import-not-found]

START_S = 120.0
MIN_ACCURACY = 0.95
MAX_ERROR = 48.0  # mean absolute error; always predicting the median gives 66
ENVIRONMENT = {"APP_TRACKING_URI": "sqlite:///mlflow.db", "APP_LOG_FORMAT": "json"}
QUICK = "search.trials=0"

# scikit-learn's data set, with the column names that the pipeline uses.
WRITE_TRUTH = """
import csv, sys
from sklearn.datasets import load_breast_cancer, load_diabetes
kind = sys.argv[1]
data = load_breast_cancer() if kind == "classification" else load_diabetes(scaled=False)
names = [str(name).replace(" ", "_") for name in data.feature_names]
classes = kind == "classification"
truth = [str(data.target_names[code]) for code in data.target] if classes else data.target.tolist()
rows = [[f"{x:.15g}" for x in row] for row in data.data.tolist()]
for path, extra in ((sys.argv[2], []), (sys.argv[3], [sys.argv[4]])):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names + extra)
        writer.writerows(row + [y] * len(extra) for row, y in zip(rows, truth))
"""


def main() -> int:
    asked = arguments()
    if asked.verb == "prepare":
        return 0
    report = Report()
    if asked.state is not None:
        check_state(asked.state, report)
    else:
        project = Project(asked.project)
        check_runs(project, report)
        check_predictions(project, report)
        check_bad_data(project, report)
        check_killed(project, report)
        check_report(project, report)
    report.tell()
    return 0


@dataclass(frozen=True)
class Project:
    """The rendered project, used through its make targets."""

    folder: Path

    @property
    def task(self) -> str:
        text = (self.folder / ".copier-answers.yml").read_text()
        found = re.search(r"^training_pipeline_task: *(\w+)", text, re.MULTILINE)
        return found[1] if found else "classification"

    @property
    def target(self) -> str:
        return "diagnosis" if self.task == "classification" else "progression"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["make", *arguments],
            cwd=self.folder,
            env=os.environ | ENVIRONMENT,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
        )

    def make(self, *arguments: str) -> int:
        return self.start(*arguments).wait()

    def records(self) -> list[dict[str, Any]]:
        """The records of the runs, oldest first."""
        return _records(self.folder / "var")

    def statuses(self) -> list[str]:
        """The statuses of the runs in MLflow's database, oldest first."""
        return _statuses(self.folder / "mlflow.db")


def check_state(state: Path, report: Report) -> None:
    """The container's run is recorded on its volume, and its model is the champion."""
    states = [record["state"] for record in _records(state)]
    report.want(states == ["finished"], f"the states of its runs are {states}")
    statuses = _statuses(state / "mlflow.db")
    report.want(statuses == ["FINISHED"], f"the statuses of its runs in MLflow are {statuses}")
    with closing(sqlite3.connect(state / "mlflow.db")) as database:
        query = "SELECT alias, version FROM registered_model_aliases"
        aliases = dict(database.execute(query).fetchall())
    report.want(aliases == {"champion": 1}, f"the aliases of its models are {aliases}")
    models = list((state / "artifacts").rglob("model.onnx"))
    report.want(len(models) == 1, f"it left {len(models)} models")


def check_runs(project: Project, report: Report) -> None:
    """The first model is promoted, an equal one is not, and both have the same bytes.

    The second run is triggered twice at the same time: one run starts, and no trigger fails.
    """
    report.want(project.make("run", f"SET={QUICK}") == 0, "`make run` fails")
    triggers = [project.start("run", f"SET={QUICK}") for _ in range(2)]
    codes = [process.wait() for process in triggers]
    report.want(codes == [0, 0], f"two simultaneous triggers exited with {codes}")
    records = project.records()
    states = [record["state"] for record in records]
    report.want(
        states == ["finished"] * 2, f"after one trigger and two simultaneous ones: runs {states}"
    )
    promoted = [bool(record["decision"] and record["decision"]["promote"]) for record in records]
    report.want(promoted == [True, False], f"promotion of two equal models: {promoted}")
    digests = {record["sha256"] for record in records}
    report.want(len(digests) == 1, "the same seed and data give different models")
    statuses = project.statuses()
    report.want(statuses == ["FINISHED"] * 2, f"the statuses of two runs in MLflow: {statuses}")


def check_predictions(project: Project, report: Report) -> None:
    """The champion's predictions agree with scikit-learn's labels."""
    rows, table = project.folder / "var" / "rows.csv", project.folder / "var" / "table.csv"
    python = project.folder / ".venv" / "bin" / "python"
    arguments = [project.task, str(rows), str(table), project.target]
    subprocess.run([python, "-c", WRITE_TRUTH, *arguments], check=True)
    output = project.folder / "var" / "predictions.csv"
    code = project.make("predict", "INPUT=var/rows.csv", "OUTPUT=var/predictions.csv")
    report.want(code == 0, "`make predict` fails")
    if code != 0:
        return
    predictions = [row["prediction"] for row in _read(output)]
    truth = [row[project.target] for row in _read(table)]
    report.want(len(predictions) == len(truth), "there are more or fewer predictions than rows")
    pairs = list(zip(predictions, truth, strict=False))
    if project.task == "classification":
        accuracy = sum(prediction == label for prediction, label in pairs) / len(pairs)
        report.figures["accuracy"] = round(accuracy, 4)
        report.want(accuracy >= MIN_ACCURACY, f"only {accuracy:.1%} of the predictions are correct")
    else:
        error = sum(abs(float(value) - float(label)) for value, label in pairs) / len(pairs)
        report.figures["mean absolute error"] = round(error, 2)
        report.want(error <= MAX_ERROR, f"predictions are off by {error:.1f} on average")


def check_bad_data(project: Project, report: Report) -> None:
    """A cell that is not a number fails the run, and the error names its row and column."""
    table, bad = project.folder / "var" / "table.csv", project.folder / "var" / "bad.csv"
    rows = _read(table)
    column = next(name for name in rows[0] if name != project.target)
    rows[28][column] = "oops"
    with bad.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    status = project.make("run", f"SET={QUICK} data.source=var/bad.csv")
    report.want(status != 0, "`make run` accepts a cell that is not a number")
    last = project.records()[-1]
    report.want(last["state"] == "failed", f"the state of a run with bad data is {last['state']}")
    error = last["error"] or ""
    report.want(column in error and "29" in error, f"column and row are not named: {error!r}")
    report.want(project.statuses()[-1] == "FAILED", "MLflow has not recorded the failed run")


def check_killed(project: Project, report: Report) -> None:
    """A killed worker leaves a failed run, and the next run succeeds."""
    before = len(project.records())
    process = project.start("run", f"SET={QUICK}")
    worker = _worker(project, process)
    if worker is None:
        report.want(held=False, finding="found no worker to kill")
    else:
        os.kill(worker, signal.SIGKILL)
    report.want(process.wait() != 0, "a run exits with 0 although its worker was killed")
    states = [record["state"] for record in project.records()[before:]]
    report.want(states == ["failed"], f"a killed run is recorded as {states}")
    report.want(project.make("run", f"SET={QUICK}") == 0, "the run after a killed one fails")
    statuses = project.statuses()
    report.want("RUNNING" not in statuses, f"a run is still running in MLflow: {statuses}")


def check_report(project: Project, report: Report) -> None:
    """The page shows the champion."""
    report.want(project.make("report") == 0, "`make report` fails")
    page = project.folder / "report.html"
    text = page.read_text() if page.exists() else ""
    report.want("champion" in text and "version 1" in text, "the report shows no champion")
    page.unlink(missing_ok=True)


def _records(var: Path) -> list[dict[str, Any]]:
    paths = sorted((var / "runs").glob("*/record.json"))
    return [json.loads(path.read_text()) for path in paths]


def _statuses(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT status FROM runs ORDER BY start_time").fetchall()
    return [status for (status,) in rows]


def _worker(project: Project, process: subprocess.Popen[bytes]) -> int | None:
    """Find the process that executes the run."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments = path.read_bytes().split(b"\0")
                in_project = (path.parent / "cwd").resolve() == project.folder.resolve()
            except OSError:
                continue
            if in_project and b"worker" in arguments:
                return int(path.parent.name)
        time.sleep(0.05)
    return None


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
