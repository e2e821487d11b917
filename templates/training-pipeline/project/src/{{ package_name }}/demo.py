"""The pipeline in a minute: promote, reject, roll back, predict, report.

Runs the same commands as `make run` and the other targets, against a database and artifacts in
`var/demo`, which is recreated on every run.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import cli
from .config import load
from .defaults import CONFIG, TRACKING_URI
from .ingest import read

FOLDER = Path("var/demo")
START_SECONDS = 300
RUN = "run --set search.trials=0"


def main() -> int:
    """Run the demo.

    Returns:
        Exit status: 0 if every command succeeded.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    os.environ |= {
        "APP_VAR": str(FOLDER),
        "APP_ARTIFACTS": str(FOLDER / "artifacts"),
        "APP_LOG_LEVEL": "WARNING",
        "APP_LOG_FORMAT": "text",
    }
    rows = FOLDER / "rows.csv"
    read(load(Path(CONFIG)).data.source).head(20).write_csv(rows)
    with _tracking_backend() as uri:
        os.environ["APP_TRACKING_URI"] = uri
        commands = (
            ("A first model, a small tree", f"{RUN} --set train.estimator=tree"),
            ("A better model", f"{RUN} --set train.estimator=linear"),
            ("A worse model", f"{RUN} --set train.estimator=tree --set seed=1"),
            ("Something is wrong with the new champion? Roll back", "rollback"),
            ("False alarm: promote it again", "promote 2"),
            ("Predict a table with it", f"predict {rows} {FOLDER / 'predictions.csv'}"),
            ("Write a report", f"report --output {FOLDER / 'report.html'}"),
        )
        for title, command in commands:
            cli.say(f"\n{title}: {command}")
            if status := cli.main(command.split()):
                return status
    cli.say(f"\nOpen {FOLDER / 'report.html'} in a browser: runs, champion and challenger.")
    cli.say(f"Logs, records and models of the runs are in {FOLDER / 'runs'}.")
    cli.say("Next: `make run` trains for real, `make schedule` does so every night.")
    return 0


@contextmanager
def _tracking_backend() -> Iterator[str]:
    """Provide a tracking URI: a database file, or a local server if this project uses one."""
    database = f"sqlite:///{FOLDER / 'mlflow.db'}"
    if not TRACKING_URI.startswith("http"):
        yield database
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", database]
    command += ["--artifacts-destination", str(FOLDER / "artifacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (
        (FOLDER / "server.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as server,  # noqa: S603
    ):
        try:
            uri = f"http://127.0.0.1:{port}"
            cli.say(f"Starting an MLflow server at {uri}")
            _wait(uri, server)
            yield uri
        finally:
            server.terminate()


def _wait(uri: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=2).close()  # noqa: S310 - our own
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise RuntimeError(f"the MLflow server did not start: see {FOLDER / 'server.log'}")


if __name__ == "__main__":
    sys.exit(main())
