"""CPU time of `new` against `copier copy` of the same template, in one run.

    python benchmarks/new.py [--runs N]

Installs the wheel, byte-compiled, in an environment of its own; runs the two in turn; compares the
medians of user + system time. Exits 1 where the ratio is above its bound.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOUND = 1.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="bench-new-") as folder:
        place = Path(folder)
        bin_ = install(place)
        target, catalog = place / "out", place / "catalog"
        # What Copier renders is the same tree as a plain folder: it would clone a checkout first.
        (package,) = (place / "venv").glob("lib/python*/site-packages/mlops_scaffold/_catalog")
        shutil.copytree(package, catalog)
        ours = [bin_ / "mlops-scaffold", "new", "model-service", str(target), "-y", "--no-git"]
        theirs = [bin_ / "copier", "copy", "--quiet", "--defaults", "-d", "template=model-service"]
        theirs += ["-d", "project_name=out", str(catalog), str(target)]
        times: dict[str, list[float]] = {"new": [], "copier copy": []}
        for number in range(runs + 1):
            for name, command in (("new", ours), ("copier copy", theirs)):
                spent = cpu_seconds(command, place)
                shutil.rmtree(target)
                if number:  # the first warms the disk cache
                    times[name].append(spent)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["new"] / medians["copier copy"]
    for name, value in medians.items():
        print(f"{name:12} {value * 1000:7.0f} ms CPU (median of {runs})")
    print(f"{'ratio':12} {ratio:7.2f} (at most {BOUND})")
    return int(ratio > BOUND)


def install(place: Path) -> Path:
    """The wheel in an environment of its own; returns the folder of its programs."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    venv = place / "venv"
    for command in (
        [uv, "build", "--quiet", "--wheel", "--out-dir", str(place / "dist"), str(ROOT)],
        [uv, "venv", "--quiet", "--python", sys.executable, str(venv)],
    ):
        subprocess.run(command, check=True)
    (wheel,) = (place / "dist").glob("*.whl")
    install_ = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python"]
    subprocess.run([*install_, str(venv / "bin/python"), str(wheel)], check=True)
    return venv / "bin"


def cpu_seconds(command: list[Path | str], cwd: Path) -> float:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
