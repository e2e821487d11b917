"""CPU time of `list` and `--help` against the peers' `--help`, measured side by side.

The wheel is built and installed, byte-compiled, in a fresh environment; each peer in its own. The
calls are interleaved, so that whatever else the machine does hits all of them alike. Exits with 1
when ours cost more than 0.4 of cookiecutter's.

    python benchmarks/cli_startup.py [--rounds 15]
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
LIMIT = 0.4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("error: this needs uv on PATH")
    with tempfile.TemporaryDirectory(prefix="mlops-scaffold-bench-") as scratch:
        home = Path(scratch)
        _run([uv, "build", "--quiet", "--wheel", "--out-dir", str(home / "dist"), str(ROOT)])
        wheel = str(next((home / "dist").glob("*.whl")))
        ours = _install(uv, home / "ours", wheel) / "mlops-scaffold"
        cookiecutter = _install(uv, home / "cookiecutter", "cookiecutter") / "cookiecutter"
        copier = _install(uv, home / "copier", "copier") / "copier"
        calls = {
            "mlops-scaffold --help": [str(ours), "--help"],
            "mlops-scaffold list": [str(ours), "list"],
            "cookiecutter --help": [str(cookiecutter), "--help"],
            "copier --help": [str(copier), "--help"],
        }
        return report(measure(calls, rounds, home))


def _install(uv: str, folder: Path, package: str) -> Path:
    """A fresh environment with one package, byte-compiled; returns its folder of commands."""
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
    python = str(folder / "bin" / "python")
    _run([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, package])
    return folder / "bin"


def measure(calls: dict[str, list[str]], rounds: int, cwd: Path) -> dict[str, float]:
    """Median CPU milliseconds (user and system) of each call; a first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            before = _cpu()
            _run(call, cwd=cwd)
            if number:
                times[name].append((_cpu() - before) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def report(medians: dict[str, float]) -> int:
    """Print the table; returns the exit code."""
    peer = medians["cookiecutter --help"]
    print(f"{'':24}{'CPU ms':>8}{'of cookiecutter':>18}{'of copier':>12}")
    for name, value in medians.items():
        print(f"{name:24}{value:8.0f}{value / peer:18.2f}{value / medians['copier --help']:12.2f}")
    worst = max(value for name, value in medians.items() if name.startswith("mlops-scaffold"))
    ok = worst / peer <= LIMIT
    verdict = "ok" if ok else "OVER"
    print(f"worst of ours / cookiecutter: {worst / peer:.2f}, limit {LIMIT}: {verdict}")
    return 0 if ok else 1


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(command: list[str], cwd: Path = ROOT) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, cwd=cwd, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
