"""How much CPU and memory do exact drift statistics take, compared with Evidently's drift preset?

    rendered/drift-monitor/.venv/bin/python benchmarks/drift_speed.py \\
        [--rows 1000000] [--columns 50]

Run it with the Python of a generated project. It writes two Parquet files and compares them in
separate processes. Ours computes the exact Kolmogorov-Smirnov, Wasserstein, PSI and Jensen-Shannon
statistics for every column, reading one column at a time. Evidently runs `DataDriftPreset` on
DataFrames, which computes one distance per column and also renders histograms. Two more processes
show the cost of calibration and of a complete `drift check` (including the multivariate test and
data quality). CPU time and peak memory cover the whole process, including imports. The benchmark
fails if a goal is missed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

GOAL_CPU = 20.0
GOAL_MEMORY = 3.0

OURS = """
import sys
from drift_monitor.frame import ColumnNames
from drift_monitor.profiles import measure_numbers, profile_numbers
from drift_monitor.records import Column
from drift_monitor.sources import open_source
from drift_monitor.stats.numeric import sorted_values
reference, current = (open_source(path, "regression", ColumnNames()) for path in sys.argv[1:3])
for name in reference.kinds:
    before, after = (sorted_values(side.numbers(name)) for side in (reference, current))
    profile = profile_numbers(Column(name, "numeric"), before, reference.rows)
    found = measure_numbers(profile, before, after)
print(name, found.statistics)
"""
CALIBRATION = """
import sys
from drift_monitor.baseline import fit
from drift_monitor.calibration import Calibrator
from drift_monitor.frame import ColumnNames
from drift_monitor.sources import open_source
known = fit(open_source(sys.argv[1], "regression", ColumnNames()), "regression")
Calibrator(known).inputs(known.rows)
"""
CHECK = """
import sys, tempfile
from drift_monitor.cli import main
sys.exit(main(["check", "--reference", sys.argv[1], "--current", sys.argv[2]]) % 3)
"""
EVIDENTLY = """
import sys
import duckdb
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
sides = [duckdb.from_parquet(path).df() for path in sys.argv[1:3]]
definition = DataDefinition(numerical_columns=list(sides[0].columns))
reference, current = (Dataset.from_pandas(side, definition) for side in sides)
Report([DataDriftPreset()]).run(current, reference)
"""


@dataclass(frozen=True)
class Cost:
    """The cost of a process: CPU seconds and peak memory in MB."""

    cpu: float
    memory: float


def cost(name: str, script: str, files: list[str], folder: str) -> Cost:
    """Run a script in a separate process."""
    environment = {**os.environ, "DO_NOT_TRACK": "true", "APP_DATA_DIR": folder}
    environment |= {"APP_TASK": "regression", "PYTHONWARNINGS": "ignore"}
    log = Path(folder) / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *files], stdout=out, stderr=out, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{name} failed:\n{log.read_text()}")
    found = Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    print(f"{name:<24} {found.cpu:8.1f} CPU-s  {found.memory:8.0f} MB", flush=True)
    return found


def write(rows: int, columns: int, folder: str) -> list[str]:
    """Write two tables with columns of several distributions; every other one has a small shift."""
    files = []
    for side, shift in (("reference", 0.0), ("current", 0.02)):
        files.append(f"{folder}/{side}.parquet")
        normal = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
        shapes = (normal, f"exp({normal})", "random()", f"round({normal}, 1)", f"10 + {normal} * 3")
        parts = [f"{shapes[at % 5]} + {shift if at % 2 else 0} AS c{at}" for at in range(columns)]
        with duckdb.connect() as connection:
            connection.execute(f"SELECT setseed({0.5 if shift else 0.25})").fetchall()
            query = f"SELECT {', '.join(parts)} FROM range({rows})"  # noqa: S608 - no user input
            connection.sql(query).write_parquet(files[-1])
    return files


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = write(options.rows, options.columns, folder)
        print(f"{options.rows:,} rows x {options.columns} columns on both sides")
        ours = cost("statistics, exact", OURS, files, folder)
        cost("calibration", CALIBRATION, files, folder)
        cost("drift check, complete", CHECK, files, folder)
        theirs = cost("Evidently DataDriftPreset", EVIDENTLY, files, folder)
    cpu, memory = theirs.cpu / ours.cpu, theirs.memory / ours.memory
    print(f"Evidently takes {cpu:.1f} times the CPU and {memory:.1f} times the memory")
    if cpu < GOAL_CPU or memory < GOAL_MEMORY:
        sys.exit(
            f"goal missed: {GOAL_CPU:.0f} times the CPU and {GOAL_MEMORY:.0f} times the memory"
        )


if __name__ == "__main__":
    main()
