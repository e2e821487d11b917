"""The command line `drift`: compare files, check due windows, backfill, serve.

Exit codes: 0 no drift, 1 an error, 2 bad usage, 3 drift.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from pydantic import ValidationError

from .alerts.deliver import Deliverer, build_sinks
from .backfill import backfill
from .baseline import BaselineError, fit
from .calibration import Calibrator
from .detect import DetectionPolicy, check_inputs, check_labels
from .engine import Engine
from .frame import Categories, Floats, Table, gather
from .records import Check, ColumnCheck, Performance, Window, WindowResult, to_json
from .serving.settings import Settings
from .sources import SourceError, open_source
from .store.db import StoreError, connect
from .web.settings import format_errors

DRIFT = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    try:
        options = _parser().parse_args(arguments)
        code: int = options.command(options)
    except ValidationError as error:
        for line in format_errors(error):
            print(f"error: {line}", file=sys.stderr)
        return 1
    except (BaselineError, SourceError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="drift",
        description="Detect drift in the data of a model. For settings (APP_*), see the README.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="compare two tables once; exit code 3 if there is drift",
        description="Compare two tables once. Exit code 0: no drift, 3: drift, 1: an error.",
    )
    check.add_argument("--reference", required=True, help="the reference: a file or database")
    check.add_argument("--current", required=True, help="the data to check: a file or database")
    check.add_argument("--reference-query", default="", help="SELECT, for a database")
    check.add_argument("--current-query", default="", help="SELECT, for a database")
    check.add_argument("--json", action="store_true", help="print the results as JSON lines")
    check.set_defaults(command=_check)
    run = commands.add_parser(
        "run",
        help="check all due windows, then exit; for cron and Airflow",
        description="Check all windows that are due in the store. Alerts are sent by the service, "
        "or with --deliver. Exit code 0: no drift, 3: drift, 1: an error.",
    )
    run.add_argument("--deliver", action="store_true", help="also send the alerts that are due")
    run.set_defaults(command=_run)
    fill = commands.add_parser(
        "backfill",
        help="load a file of past predictions into the store and check them",
        description="Load the rows of a file into the store, as if they had just been received, "
        "and check all complete windows. Rows that are already stored are skipped.",
    )
    fill.add_argument("file", help="Parquet or CSV with id, prediction and features")
    fill.set_defaults(command=_backfill)
    serve = commands.add_parser("serve", help="run the monitor with its dashboard and API")
    serve.set_defaults(command=_serve)
    return parser


def _check(options: argparse.Namespace) -> int:
    settings = Settings()
    tables = [
        open_source(address, settings.task, settings.names, query)
        for address, query in (
            (options.reference, options.reference_query),
            (options.current, options.current_query),
        )
    ]
    results = compare(tables[0], tables[1], settings)
    for result in results:
        print(to_json(result) if options.json else describe(result))
    return DRIFT if any(result.drifted for result in results) else 0


def compare(reference: Table, current: Table, settings: Settings) -> list[WindowResult]:
    """Check the inputs of a table and, if it has labels, the labels."""
    baseline = fit(reference, settings.task, settings.seed)
    calibrator = Calibrator(baseline, settings.seed, settings.cache_dir)
    policy = DetectionPolicy(settings.false_alarms, settings.min_effect, settings.seed)
    now = datetime.now(UTC)
    labels = current.labels(baseline.schema.label_kind)
    labelled = _count_labels(labels)
    window = Window(1, 1, current.rows, now, now, current.rows, labelled)
    results = [check_inputs(baseline, calibrator.inputs(current.rows), current, window, policy)]
    if labelled and baseline.losses:
        frame = gather(current, baseline.schema)
        calibration = calibrator.labels(labelled)
        results.append(check_labels(baseline, calibration, frame, window, policy))
    return results


def _count_labels(labels: Floats | Categories | None) -> int:
    if labels is None:
        return 0
    if labels.dtype == np.float64:
        return int(np.sum(~np.isnan(labels.astype(np.float64))))
    return sum(value is not None for value in labels.tolist())


def describe(result: WindowResult) -> str:
    """Describe a result as text: the verdict and a table of the measurements."""
    verdict = "DRIFT" if result.drifted else "ok"
    lines = [f"{result.stage}: {verdict}: {result.summary} ({result.window.rows} rows)"]
    if result.columns:
        lines.append(f"  {'column':<20} {'effect':>8}  {'adjusted p':>10}  statistics")
    for check in sorted(result.columns, key=lambda each: each.adjusted_p):
        statistics = ", ".join(f"{each.name} {each.value:.3g}" for each in check.statistics)
        numbers = f"{check.effect:>8.3f}  {check.adjusted_p:>10.2g}"
        lines.append(f"{_mark(check)} {check.column[:20]:<20} {numbers}  {statistics}")
    window_checks = (result.multivariate, result.concept, result.label_shift)
    lines += [
        f"{_mark(each)} {each.name}: adjusted p {each.adjusted_p:.2g}"
        for each in window_checks
        if each
    ]
    for performance, name in ((result.estimated, "estimated"), (result.realised, "measured")):
        if performance:
            interval = f"{performance.low:.4g} to {performance.high:.4g}"
            value = f"{name} {performance.metric} {performance.value:.4g} ({interval})"
            lines.append(f"{_mark(performance)} {value}, was {performance.reference:.4g}")
            lines += [f"    warning: {warning}" for warning in performance.warnings]
    lines += [
        f"* {each.column}: {each.problem} in {each.rows} rows ({each.share:.1%})"
        for each in result.quality
        if each.flagged
    ]
    lines += [f"  cause: {cause.text} ({cause.share:.0%})" for cause in result.causes[:6]]
    return "\n".join(lines)


def _mark(check: ColumnCheck | Check | Performance) -> str:
    return "*" if check.flagged else " "


def _run(options: argparse.Namespace) -> int:
    settings = Settings()
    database = connect(settings)
    try:
        drifted = _check_due_windows(Engine(database, settings, settings.policy))
        if options.deliver:
            deliverer = Deliverer(
                database, build_sinks(settings), settings.alert_seconds, settings.alert_attempts
            )
            deliverer.deliver()
    finally:
        database.close()
    return DRIFT if drifted else 0


def _check_due_windows(engine: Engine) -> bool:
    """Check all due windows; return whether any of them drifted."""
    drifted = False
    while (result := engine.step()) is not None:
        drifted |= result.drifted
        print(f"window {result.window.number} {result.stage}: {result.summary}", flush=True)
    return drifted


def _backfill(options: argparse.Namespace) -> int:
    settings = Settings()
    database = connect(settings)
    try:
        predictions, labels = backfill(database, options.file, settings.names)
        print(
            f"{predictions.added} predictions added, {predictions.known} already known, "
            f"{predictions.quarantined} quarantined; {labels.added} labels added"
        )
        drifted = _check_due_windows(Engine(database, settings, settings.policy))
    finally:
        database.close()
    return DRIFT if drifted else 0


def _serve(_: argparse.Namespace) -> int:
    from .serving.__main__ import main as serve  # noqa: PLC0415 - slow to import

    return serve()


if __name__ == "__main__":
    sys.exit(main())
