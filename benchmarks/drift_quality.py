"""How many false alarms does the drift monitor raise, what does it miss, how good are estimates?

    mlops-scaffold new drift-monitor rendered/drift-monitor -y
    make -C rendered/drift-monitor setup
    rendered/drift-monitor/.venv/bin/python benchmarks/drift_quality.py \\
        [alarms] [power] [delays] [estimates] [--nannyml PYTHON]

Run it with the Python of a generated project. `alarms`: 1,000 unchanged windows of each size,
resampled from scikit-learn's data sets with a new reference for every 25 windows, go through all
checks, including labels. `power`: a shift of 0.25 standard deviations in one of 30 columns.
`delays`: the window in which each drift of the sample stream is detected, and the number of
incidents. `estimates`: CBPE compared with the accuracy that is measured afterwards, under the
shifts defined here, for a boosted model and an underfitted linear one. With `--nannyml` (the Python
of an environment with nannyml and statsmodels), it adds NannyML's CBPE estimates for the same
windows of the boosted model. Prints one line of figures for each.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from drift_monitor import baseline, calibration, detect, incidents, performance, stream
from drift_monitor.frame import Frame, from_predictions
from drift_monitor.records import Task, Window, WindowResult
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NOW = datetime.now(UTC)
SETS = ("breast_cancer", "wine", "digits", "diabetes")
SIZES = {200: 5_000, 1_000: 5_000, 10_000: 20_000}
"""Rows of a window: rows of its reference."""
WINDOWS = 1_000
PER_REFERENCE = 25
REPEATS = 50
WORKERS = 2


def population(name: str) -> tuple[Frame, str]:
    """A data set with a model's predictions; windows are drawn from its rows."""
    loaded = getattr(datasets, f"load_{name}")()
    values, target = loaded.data.astype(float), loaded.target
    columns: dict[str, NDArray] = {f"c{at}": values[:, at] for at in range(values.shape[1])}
    if name == "diabetes":
        model = make_pipeline(StandardScaler(), Ridge()).fit(values, target)
        columns["prediction"] = model.predict(values)
        return Frame(columns, len(values), target.astype(float)), "regression"
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(values, target)
    probabilities = model.predict_proba(values)
    columns["prediction"] = probabilities.argmax(axis=1).astype(str).astype(object)
    columns["score"] = probabilities.max(axis=1)
    return Frame(columns, len(values), target.astype(str).astype(object)), "classification"


def window_of(rows: int) -> Window:
    return Window(1, 1, rows, NOW, NOW, rows, rows)


def alarms_of(job: tuple[str, int, int]) -> Counter:
    """Count the alarms in unchanged windows of one reference."""
    name, size, seed = job
    rows, task = population(name)
    rng = np.random.default_rng([seed, size, len(name)])
    fitted = baseline.fit(rows.take(rng.integers(rows.rows, size=SIZES[size])), task, seed)
    calibrator, policy = calibration.Calibrator(fitted, seed), detect.DetectionPolicy()
    found: Counter = Counter()
    for _ in range(PER_REFERENCE):
        frame = rows.take(rng.integers(rows.rows, size=size))
        window = window_of(size)
        inputs = detect.check_inputs(fitted, calibrator.inputs(size), frame, window, policy)
        labels = detect.check_labels(fitted, calibrator.labels(size), frame, window, policy)
        found["windows"] += 1
        found["inputs"] += inputs.drifted
        found["labels"] += labels.drifted
        found["any"] += inputs.drifted or labels.drifted
    return found


def alarms() -> None:
    """Print the share of unchanged windows with an alarm."""
    budget = detect.DetectionPolicy().false_alarms
    print(f"unchanged windows with any alarm, goal <= 5 % (budget {budget})")
    share = WINDOWS // PER_REFERENCE // len(SETS)
    with ProcessPoolExecutor(WORKERS) as pool:
        for size in SIZES:
            total: Counter = Counter()
            for name in SETS:
                jobs = [(name, size, seed) for seed in range(share)]
                counted = sum(pool.map(alarms_of, jobs), Counter())
                print(f"  n={size:<6} {name:<14} {rate(counted)}", flush=True)
                total += counted
            print(f"  n={size:<6} {'all':<14} {rate(total)}", flush=True)


def rate(counted: Counter) -> str:
    share = counted["any"] / counted["windows"]
    parts = f"inputs {counted['inputs']}, labels {counted['labels']}"
    return f"{share:6.2%} of {counted['windows']} ({parts})"


def power_of(seed: int) -> tuple[int, int]:
    """Windows of 1,000 rows with a shift in one of 30 columns: detected, and in that column."""
    rng = np.random.default_rng(seed)
    names = [f"c{at}" for at in range(30)]

    def draw(rows: int, shift: float) -> Frame:
        values = rng.normal(size=(rows, 30))
        values[:, 7] += shift
        return Frame(dict(zip(names, values.T, strict=True)), rows)

    fitted = baseline.fit(draw(5_000, 0), "classification", seed)
    calibrator, policy = calibration.Calibrator(fitted, seed), detect.DetectionPolicy()
    checks = [
        detect.check_inputs(
            fitted, calibrator.inputs(1_000), draw(1_000, 0.25), window_of(1_000), policy
        )
        for _ in range(PER_REFERENCE)
    ]
    in_column = sum(any(each.column == "c7" for each in check.flagged_columns) for check in checks)
    return sum(check.drifted for check in checks), in_column


def power() -> None:
    """Print the share of shifted windows that are detected."""
    with ProcessPoolExecutor(WORKERS) as pool:
        found = np.sum(list(pool.map(power_of, range(WINDOWS // PER_REFERENCE // 2))), axis=0)
    windows = WINDOWS // PER_REFERENCE // 2 * PER_REFERENCE
    print(f"0.25 sd in one of 30 columns, n=1000: {found[0] / windows:.1%} of {windows} detected,")
    print(f"  {found[1] / windows:.1%} in that column (goal: at least 95 %)", flush=True)


DRIFT_FROM, PLAYED = 5, 16
"""The first window with drift, and the number of windows that are played."""
STREAMS = 20
POLICY = incidents.IncidentPolicy()


@dataclass(frozen=True)
class Detection:
    """The outcome for one stream with drift.

    `delay`: windows from the first with drift to the first that is flagged; None if none is.
    `early`: incidents before the drift. `opened`: incidents after it started.
    """

    delay: int | None
    early: int
    opened: int


def detections_of(job: tuple[Task, int]) -> dict[str, Detection]:
    """Play each kind of drift against the same reference."""
    task, seed = job
    reference = stream.make_stream(task, seed=seed)
    fitted = baseline.fit(reference.reference, task, seed)
    calibrator, found = calibration.Calibrator(fitted, seed), {}
    for drift in stream.DRIFTS:
        played = replace(reference, drift=drift, drift_from=DRIFT_FROM)
        opened, flagged, history = [], [], {}
        for batch in played.batches(PLAYED):
            labels = [each.label for each in batch.labels]
            frame = from_predictions(played.schema, batch.predictions, labels)
            for result in checks_of(fitted, calibrator, batch.number, frame):
                flagged += [batch.number] if result.drifted and batch.number >= DRIFT_FROM else []
                for each in incidents.advance(list(history.values()), result, POLICY):
                    history[each.incident.id] = each.incident
                    opened += [each.window] if each.change == "opened" else []
        late = [window for window in opened if window >= DRIFT_FROM]
        delay = flagged[0] - DRIFT_FROM if flagged else None
        found[drift] = Detection(delay, len(opened) - len(late), len(late))
    return found


def checks_of(
    fitted: baseline.Baseline, calibrator: calibration.Calibrator, number: int, frame: Frame
) -> list[WindowResult]:
    """Both checks of a window."""
    window, policy = replace(window_of(frame.rows), number=number), detect.DetectionPolicy()
    return [
        detect.check_inputs(fitted, calibrator.inputs(frame.rows), frame, window, policy),
        detect.check_labels(fitted, calibrator.labels(frame.rows), frame, window, policy),
    ]


def delays() -> None:
    """Print the delay until each kind of drift is detected, and the number of incidents."""
    print(f"drifts of the sample stream, {STREAMS} seeds, {stream.WINDOW} rows a window (goal: all")
    print("detected, one incident each; a recurring drift occurs twice, `none` causes none)")
    with ProcessPoolExecutor(WORKERS) as pool:
        for task in ("classification", "regression"):
            jobs = [(task, seed) for seed in range(STREAMS)]
            detections = list(pool.map(detections_of, jobs))
            for drift in stream.DRIFTS:
                print_delays(f"  {task:<14} {drift:<10}", [each[drift] for each in detections])


def print_delays(name: str, detections: list[Detection]) -> None:
    known = [each.delay for each in detections if each.delay is not None]
    delay = f"after {np.mean(known):.1f} windows, at most {max(known)}" if known else ""
    print(
        f"{name} detected {len(known)}/{len(detections)} {delay:<36}"
        f" incidents {np.mean([each.opened for each in detections]):.2f},"
        f" before the drift {np.mean([each.early for each in detections]):.2f}",
        flush=True,
    )


SHIFTS = {"none": 0.0, "mild": 0.5, "strong": 1.2}
"""Shift of the first two columns, in standard deviations."""
FLIPPED = 0.1
"""Share of labels that concept drift flips."""


def estimate_errors(seed: int, folder: str) -> dict[tuple[str, str], float]:
    """|estimated - measured accuracy| for each model and shift, and for concept drift.

    The predictions of the boosted model are written to the folder, for NannyML.
    """
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=6)

    def draw(rows: int, shift: float) -> tuple[NDArray, NDArray]:
        values = rng.normal(size=(rows, 6))
        values[:, :2] += shift
        signal = values @ weights / 2 + values[:, 0] * values[:, 1] + 0.8 * np.sin(2 * values[:, 2])
        return values, (rng.random(rows) < 1 / (1 + np.exp(-1.5 * signal))).astype(int)

    def predicted(model: object, values: NDArray, labels: NDArray) -> Frame:
        probabilities = model.predict_proba(values)  # type: ignore[attr-defined]
        columns = {f"x{at}": column for at, column in enumerate(values.T.copy())}
        columns["prediction"] = probabilities.argmax(axis=1).astype(str).astype(object)
        columns["score"] = probabilities.max(axis=1)
        return Frame(columns, len(values), labels.astype(str).astype(object))

    train = draw(8_000, 0)
    models = {
        "boosted": HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06).fit(*train),
        "linear": LogisticRegression().fit(*train),
    }
    reference = draw(6_000, 0)
    errors, frames = {}, {}
    for name, model in models.items():
        before = predicted(model, *reference)
        fitted = baseline.fit(before, "classification", seed)
        calibrated = calibration.Calibrator(fitted, seed).inputs(4_000)
        policy = detect.DetectionPolicy()

        def error(frame: Frame) -> float:
            window = window_of(frame.rows)
            result = detect.check_inputs(fitted, calibrated, frame, window, policy)  # noqa: B023
            measured = 1 - performance.losses(fitted.schema, frame).mean()  # noqa: B023
            return abs(float(result.estimated.value - measured))

        windows = {kind: predicted(model, *draw(4_000, shift)) for kind, shift in SHIFTS.items()}
        for kind, frame in windows.items():
            errors[name, kind] = error(frame)
        frames[name] = windows | {"reference": before}
        values, labels = draw(4_000, 0)
        flipped = np.where(rng.random(len(labels)) < FLIPPED, 1 - labels, labels)
        errors[name, "concept"] = error(predicted(model, values, flipped))
    np.savez(Path(folder, f"{seed}.npz"), **{k: answers(f) for k, f in frames["boosted"].items()})
    return errors


def answers(frame: Frame) -> NDArray:
    """The probability of class 1, the predicted class and the true class. Shape (3, rows)."""
    predicted, score = frame.columns["prediction"].astype(int), frame.columns["score"]
    return np.array(
        [np.where(predicted == 1, score, 1 - score), predicted, frame.label.astype(int)]
    )


def estimates(nannyml: str) -> None:
    """Print the errors of CBPE and, if available, of NannyML's CBPE."""
    print("CBPE, |estimated - measured| accuracy over 50 repeats, 4,000 rows (goal: boosted, mild")
    print("and strong: mean <= 0.01, p95 <= 0.02); concept: 10 % of labels flipped")
    with tempfile.TemporaryDirectory() as folder:
        with ProcessPoolExecutor(WORKERS) as pool:
            runs = list(pool.map(partial(estimate_errors, folder=folder), range(REPEATS)))
        for key in runs[0]:
            print_errors(*key, [each[key] for each in runs])
        if nannyml:
            peer = Path(__file__).with_name("peers") / "nannyml_cbpe.py"
            command = [nannyml, "-W", "ignore", str(peer), folder]
            environment = os.environ | {"NML_DISABLE_USAGE_LOGGING": "1"}
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
            for kind, errors in json.loads(done.stdout).items():
                print_errors("NannyML", kind, errors)


def print_errors(name: str, kind: str, errors: list[float]) -> None:
    print(
        f"  {name:<8} {kind:<8} mean {np.mean(errors):.4f}  "
        f"p95 {np.quantile(errors, 0.95):.4f}  max {max(errors):.4f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=["alarms", "power", "delays", "estimates"])
    parser.add_argument("--nannyml", default="", help="a Python that has nannyml")
    options = parser.parse_args()
    parts = {
        "alarms": alarms,
        "power": power,
        "delays": delays,
        "estimates": partial(estimates, options.nannyml),
    }
    for part in options.parts:
        parts[part]()


if __name__ == "__main__":
    main()
