"""The checks of columns for windows beyond one machine, on Spark.

    spark-submit --master ... -m <package>.spark_job --reference s3://... --current s3://...

Both sides stay where they are: executors sum up their parts of all columns (`sketch`), and only
some thousand numbers a column come back. Counts of categories and of the bins of PSI and
Jensen-Shannon are exact; Kolmogorov-Smirnov and Wasserstein come with their error. Thresholds are
calibrated from a sample of the reference for the true sizes. Exit codes are those of `drift check`.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .baseline import SAMPLE, fit
from .calibration import Calibrator
from .detect import Policy, check_columns
from .frame import Frame, to_texts
from .profiles import Measured, Profile, measured_from
from .records import ColumnCheck, Kind, to_json
from .settings import MonitorSettings
from .sketch import Distances, Summary, distances, fine_edges, summarise

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
            found = distances(before, after, edges[name])
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
    table = frame.toArrow()
    kinds = {field.name: _kind(field.dataType.typeName()) for field in frame.schema.fields}
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in kinds.items():
        values = table.column(name).to_pylist()
        if kind == "numeric":
            columns[name] = np.array(values, dtype=np.float64)
        else:
            columns[name] = to_texts(np.array([*values, None], dtype=object)[:-1])
    return Frame(columns, table.num_rows)


def _kind(spark_type: str) -> Kind:
    return "categorical" if spark_type in {"string", "boolean"} else "numeric"


def _summaries(frame: Any, edges: dict[str, NDArray[np.float64]]) -> dict[str, Summary]:
    """Sum up each numeric column of a DataFrame: on the executors, then here."""
    if not edges:
        return {}

    def partly(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa  # noqa: PLC0415 - on the executor

        for batch in batches:
            for name, inner in edges.items():
                column = batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
                part = summarise(np.asarray(column, dtype=np.float64), inner)
                yield pa.RecordBatch.from_pydict(
                    {
                        "name": [name],
                        "counts": [part.counts.tolist()],
                        "sums": [part.sums.tolist()],
                        "low": [part.low],
                        "high": [part.high],
                    }
                )

    schema = "name string, counts array<bigint>, sums array<double>, low double, high double"
    found: dict[str, list[Summary]] = {name: [] for name in edges}
    for row in frame.select(list(edges)).mapInArrow(partly, schema).toLocalIterator():
        part = Summary(np.array(row["counts"]), np.array(row["sums"]), row["low"], row["high"])
        found[row["name"]].append(part)
    return {name: reduce(Summary.__add__, parts) for name, parts in found.items()}


def _categories(frame: Any, profile: Profile) -> NDArray[np.int64]:
    """How many rows each group has."""
    name = profile.column.name
    counted = frame.groupBy(name).count().collect()
    texts = to_texts(np.array([*(row[name] for row in counted), None], dtype=object)[:-1])
    groups = profile.group_of(texts)
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
