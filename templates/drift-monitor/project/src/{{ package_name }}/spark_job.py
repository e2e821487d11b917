"""The checks of columns for windows beyond one machine, on Spark.

    python -m <package>.spark_job --reference s3://... --current s3://...

Spark is set up as everywhere (`SPARK_HOME`, `spark-defaults.conf`); executors need this package,
numpy and pyarrow. Both sides stay where they are: executors sum up their parts of all columns
(`sketch`), and only some thousand numbers a column come back. Counts of categories and of the bins
of PSI and Jensen-Shannon are exact; Kolmogorov-Smirnov and Wasserstein come with their error.
Thresholds are calibrated from a sample of the reference for the true sizes. Exit codes are those of
`drift check`.
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

from .baseline import SAMPLE, fit
from .calibration import Calibrator
from .detect import Policy, check_columns
from .frame import Frame, category
from .profiles import Measured, Profile, measured_from
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
class ColumnOnSpark:
    """What was found in a column, and how exact it is."""

    check: ColumnCheck
    ks_error: float
    wasserstein_error: float


def compare(reference: Any, current: Any, settings: MonitorSettings) -> tuple[ColumnOnSpark, ...]:
    """Compare the columns of two Spark DataFrames.

    Args:
        reference: What is normal, a `pyspark.sql.DataFrame`.
        current: What to check, with the same columns.
        settings: Names of columns with a role, error rate, seed.
    """
    names = settings.names
    columns = [name for name in reference.columns if name not in names.no_features]
    rows = reference.count()
    known = fit(_sample(reference.select(columns), rows, settings.seed), settings.task)
    size = current.count()
    numeric = [each for each in known.profiles if each.column.kind == "numeric"]
    edges = {
        each.column.name: fine_edges(known.sample.numbers(each.column.name), each.edges)
        for each in numeric
    }
    sides = [_summaries(side, edges) for side in (reference, current)]
    measured: list[tuple[Profile, Measured]] = []
    errors: list[Distances] = []
    for profile in known.profiles:
        name = profile.column.name
        if profile.column.kind == "categorical":
            counts = [_categories(side, profile) for side in (reference, current)]
            found = Distances(0, 0, 0, 0)
        else:
            before, after = (side[name] for side in sides)
            found = distances(before, after)
            counts = [_coarse(each, edges[name], profile) for each in (before, after)]
        errors.append(found)
        whole = measured_from(profile, counts[0], counts[1], found.ks, found.wasserstein)
        measured.append((profile, whole))
    policy = Policy(settings.false_alarms, settings.min_effect, settings.seed)
    calibrator = Calibrator(replace(known, rows=rows), settings.seed)
    checks = check_columns(calibrator.inputs(size), measured, policy)
    return tuple(
        ColumnOnSpark(check, error.ks_error, error.wasserstein_error)
        for check, error in zip(checks, errors, strict=True)
    )


def _sample(frame: Any, rows: int, seed: int) -> Frame:
    """Some rows, in memory: all if they are few."""
    if rows > SAMPLE:
        frame = frame.sample(fraction=min(1.0, 1.1 * SAMPLE / rows), seed=seed).limit(SAMPLE)
    kinds = {field.name: _kind(field.dataType.typeName()) for field in frame.schema.fields}
    found = frame.collect()
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in kinds.items():
        values = [row[name] for row in found]
        columns[name] = np.array(values, dtype=np.float64) if kind == "numeric" else _texts(values)
    return Frame(columns, len(found))


def _texts(values: Sequence[Any]) -> NDArray[np.object_]:
    """Names of categories, as the rest of the package has them."""
    return np.array([*map(category, values), None], dtype=object)[:-1]


def _kind(spark_type: str) -> Kind:
    return "categorical" if spark_type in {"string", "boolean"} else "numeric"


def _summaries(frame: Any, edges: dict[str, NDArray[np.float64]]) -> dict[str, Summary]:
    """Sum up each numeric column of a DataFrame, on the executors."""
    from pyspark.sql import functions as sql  # noqa: PLC0415 - the extra `spark`

    if not edges:
        return {}
    schema = "name string, bin int, rows bigint, total double, low double, high double"
    with warnings.catch_warnings():
        # PySpark warns of pandas 3 here, of which nothing is used.
        warnings.filterwarnings("ignore", "PySpark does not yet", FutureWarning)
        parts = frame.select(list(edges)).mapInArrow(partial(summarise_batches, edges), schema)
    summed = parts.groupBy("name", "bin").agg(
        sql.sum("rows").alias("rows"),
        sql.sum("total").alias("total"),
        sql.min("low").alias("low"),
        sql.max("high").alias("high"),
    )
    found = {name: summarise(np.empty(0), inner) for name, inner in edges.items()}
    for row in summed.toLocalIterator():
        part, at = found[row["name"]], row["bin"]
        part.counts[at], part.sums[at] = row["rows"], row["total"]
        part.lows[at], part.highs[at] = row["low"], row["high"]
    return found


def _categories(frame: Any, profile: Profile) -> NDArray[np.int64]:
    """How many rows each group has."""
    name = profile.column.name
    counted = frame.groupBy(name).count().collect()
    groups = profile.group_of(_texts([row[name] for row in counted]))
    counts = np.zeros(len(profile.groups), dtype=np.int64)
    for group, row in zip(groups.tolist(), counted, strict=True):
        if group >= 0:
            counts[group] += row["count"]
    return counts


def _coarse(summary: Summary, edges: NDArray[np.float64], profile: Profile) -> NDArray[np.int64]:
    """Rows in each bin of the profile, whose edges are among the fine ones."""
    upto = np.concatenate([[0], np.cumsum(summary.counts)])
    at = np.searchsorted(edges, profile.edges, side="left") + 1
    return np.diff(upto[at], prepend=0, append=upto[-1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two tables on Spark, and print a JSON line for each column; gives the exit code."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - the extra `spark`

    parser = argparse.ArgumentParser(description="Compare two tables on Spark.")
    parser.add_argument("--reference", required=True, help="Parquet that Spark can read")
    parser.add_argument("--current", required=True, help="Parquet that Spark can read")
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
