"""Checks the columns of windows that are too large for one machine, on Spark.

    python -m <package>.spark_job --reference s3://... --current s3://...

Configure Spark as usual (`SPARK_HOME`, `spark-defaults.conf`); executors need this package, numpy
and pyarrow. The data is not moved: executors summarise their partitions (`sketch`) and return only
a few thousand numbers per column. Counts of categories and of the bins for PSI and Jensen-Shannon
are exact; Kolmogorov-Smirnov and Wasserstein come with error bounds. Thresholds are calibrated
from a sample of the reference, for the actual sizes. The exit codes are those of `drift check`.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .baseline import MAX_SAMPLE, fit
from .calibration import Calibrator
from .detect import DetectionPolicy, check_columns
from .frame import Frame, category
from .profiles import Measurement, Profile, measurement_from_counts
from .records import ColumnCheck, Kind, to_json
from .settings import MonitorSettings
from .sketch import (
    Distances,
    Summary,
    distances,
    fine_edges,
    summarise,
    summarise_batches,
)

DRIFT = 3


@dataclass(frozen=True)
class SparkColumnCheck:
    """The check of a column, with error bounds for two of its statistics."""

    check: ColumnCheck
    ks_error: float
    wasserstein_error: float


def compare(
    reference: Any, current: Any, settings: MonitorSettings
) -> tuple[SparkColumnCheck, ...]:
    """Compare the columns of two Spark DataFrames.

    Args:
        reference: The reference data, a `pyspark.sql.DataFrame`.
        current: The data to check, with the same columns.
        settings: Column names, false-alarm rate and seed.
    """
    names = settings.names
    columns = [name for name in reference.columns if name not in names.non_features]
    rows = reference.count()
    baseline = fit(_sample(reference.select(columns), rows, settings.seed), settings.task)
    size = current.count()
    numeric = [each for each in baseline.profiles if each.column.kind == "numeric"]
    edges = {
        each.column.name: fine_edges(baseline.sample.numbers(each.column.name), each.edges)
        for each in numeric
    }
    sides = [_summaries(side, edges) for side in (reference, current)]
    measurements: list[tuple[Profile, Measurement]] = []
    errors: list[Distances] = []
    for profile in baseline.profiles:
        name = profile.column.name
        if profile.column.kind == "categorical":
            counts = [_category_counts(side, profile) for side in (reference, current)]
            found = Distances(0, 0, 0, 0)
        else:
            before, after = (side[name] for side in sides)
            found = distances(before, after)
            counts = [_coarse_counts(each, edges[name], profile) for each in (before, after)]
        errors.append(found)
        measurement = measurement_from_counts(
            profile, counts[0], counts[1], found.ks, found.wasserstein
        )
        measurements.append((profile, measurement))
    policy = DetectionPolicy(settings.false_alarms, settings.min_effect, settings.seed)
    calibrator = Calibrator(replace(baseline, rows=rows), settings.seed)
    checks = check_columns(calibrator.inputs(size), measurements, policy)
    return tuple(
        SparkColumnCheck(check, error.ks_error, error.wasserstein_error)
        for check, error in zip(checks, errors, strict=True)
    )


def _sample(frame: Any, rows: int, seed: int) -> Frame:
    """Collect a sample of the rows, or all rows if they are few."""
    if rows > MAX_SAMPLE:
        frame = frame.sample(fraction=min(1.0, 1.1 * MAX_SAMPLE / rows), seed=seed).limit(
            MAX_SAMPLE
        )
    kinds = {field.name: _kind(field.dataType.typeName()) for field in frame.schema.fields}
    found = frame.collect()
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in kinds.items():
        values = [row[name] for row in found]
        columns[name] = (
            np.array(values, dtype=np.float64) if kind == "numeric" else _category_names(values)
        )
    return Frame(columns, len(found))


def _category_names(values: Sequence[Any]) -> NDArray[np.object_]:
    """Category names, in the same form as in the rest of the package."""
    # The extra None keeps NumPy from choosing another dtype than object.
    return np.array([*map(category, values), None], dtype=object)[:-1]


def _kind(spark_type: str) -> Kind:
    return "categorical" if spark_type in {"string", "boolean"} else "numeric"


def _summaries(frame: Any, edges: dict[str, NDArray[np.float64]]) -> dict[str, Summary]:
    """Summarise each numeric column of a DataFrame, on the executors."""
    from pyspark.sql import functions as sql  # noqa: PLC0415 - from the extra `spark`

    if not edges:
        return {}
    schema = "name string, bin int, rows bigint, total double, low double, high double"
    with warnings.catch_warnings():
        # PySpark warns about pandas 3 here, which this code does not use.
        warnings.filterwarnings("ignore", "PySpark does not yet", FutureWarning)
        parts = frame.select(list(edges)).mapInArrow(partial(summarise_batches, edges), schema)
    summed = parts.groupBy("name", "bin").agg(
        sql.sum("rows").alias("rows"),
        sql.sum("total").alias("total"),
        sql.min("low").alias("low"),
        sql.max("high").alias("high"),
    )
    summaries = {name: summarise(np.empty(0), inner) for name, inner in edges.items()}
    for row in summed.toLocalIterator():
        summary, at = summaries[row["name"]], row["bin"]
        summary.counts[at], summary.sums[at] = row["rows"], row["total"]
        summary.lows[at], summary.highs[at] = row["low"], row["high"]
    return summaries


def _category_counts(frame: Any, profile: Profile) -> NDArray[np.int64]:
    """The number of rows in each group."""
    name = profile.column.name
    counted = frame.groupBy(name).count().collect()
    groups = profile.group_of(_category_names([row[name] for row in counted]))
    counts = np.zeros(len(profile.groups), dtype=np.int64)
    for group, row in zip(groups.tolist(), counted, strict=True):
        if group >= 0:
            counts[group] += row["count"]
    return counts


def _coarse_counts(
    summary: Summary, edges: NDArray[np.float64], profile: Profile
) -> NDArray[np.int64]:
    """The rows in each bin of the profile, whose edges are a subset of the fine edges."""
    cumulative = np.concatenate([[0], np.cumsum(summary.counts)])
    at = np.searchsorted(edges, profile.edges, side="left") + 1
    return np.diff(cumulative[at], prepend=0, append=cumulative[-1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two tables on Spark, print a JSON line per column and return the exit code."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - from the extra `spark`

    parser = argparse.ArgumentParser(description="Compare two tables on Spark.")
    parser.add_argument("--reference", required=True, help="Parquet data that Spark can read")
    parser.add_argument("--current", required=True, help="Parquet data that Spark can read")
    options = parser.parse_args(arguments)
    spark = SparkSession.builder.appName("drift").getOrCreate()
    found = compare(
        spark.read.parquet(options.reference),
        spark.read.parquet(options.current),
        MonitorSettings(),
    )
    for each in found:
        sys.stdout.write(to_json(each) + "\n")
    return DRIFT if any(each.check.flagged for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
