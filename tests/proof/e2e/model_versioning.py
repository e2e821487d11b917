"""End-to-end check of model-versioning: two versions are released and restored as a user would.

It uses only the standard library. Digests, rows and metrics are computed here, not taken from the
project.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from support import Report, arguments  # type: ignore[import-not-found]

GIT_IDENTITY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Owner"), ("EMAIL", "owner@example.invalid"))
}
MIN_ACCURACY = 0.9
MODEL = "models/model.onnx"


def main() -> int:
    asked = arguments()
    if asked.verb == "prepare":
        return 0
    report = Report()
    try:
        if asked.state:
            check_predictions(asked.state / "predictions.csv", "unreleased", report)
        else:
            check_project(asked.project, report)
    except StoppedError as error:
        report.want(held=False, finding=str(error))
    report.tell()
    return 0


class StoppedError(Exception):
    """A command failed that all later checks depend on."""


def run(folder: Path, *command: str, code: int | None = 0) -> str:
    """Run a command and return its output; it has to exit with `code` (`None` allows any)."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | GIT_IDENTITY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"$ {' '.join(command)} -> {done.returncode}\n{done.stdout}", file=sys.stderr)
    if code is not None and done.returncode != code:
        message = f"`{' '.join(command)}` exits with {done.returncode}: {done.stdout[-300:]}"
        raise StoppedError(message)
    if "Traceback" in done.stdout:
        message = f"`{' '.join(command)}` prints a traceback"
        raise StoppedError(message)
    return done.stdout


def versions(folder: Path, *arguments: str, code: int | None = 0) -> str:
    return run(folder, str(folder / ".venv/bin/versions"), *arguments, code=code)


def check_project(project: Path, report: Report) -> None:
    """Release two versions, then check everything that the README promises about them."""
    storage = project.parent / "proof-storage"
    local = project / ".dvc/config.local"
    local.write_text(f"['remote \"storage\"']\n    url = {storage}\n")
    originals = {}
    for number, version in ((1, "1.0.0"), (2, "1.1.0")):
        run(project, "make", "data", f"V={number}")
        output = run(project, "make", "run")
        report.want(
            "prepare" in output and "evaluate" in output, f"stages of {version} did not run"
        )
        run(project, "git", "add", "--all")
        run(project, "git", "commit", "--quiet", "--message", version)
        versions(project, "release", version)
        versions(project, "promote", version)
        originals[version] = digests(project)
    report.want(originals["1.0.0"] != originals["1.1.0"], "both versions are the same")
    report.want("no stage ran" in run(project, "make", "run"), "without changes, a stage ran")
    check_listed(project, originals, report)
    check_storage(storage, report)
    check_clone(project, originals, report)
    check_serving(project, report)
    check_damage(project, storage, originals["1.0.0"][MODEL], report)
    status = run(project, "git", "status", "--porcelain")
    report.want(not status.strip(), f"the working tree is not clean at the end: {status}")


def digests(project: Path) -> dict[str, str]:
    """The md5 of every file of the data and of the model, computed here."""
    files = [path for path in (project / "data/raw").rglob("*") if path.is_file()]
    return {str(path.relative_to(project)): md5_of(path) for path in (*files, project / MODEL)}


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def check_listed(project: Path, originals: dict[str, dict[str, str]], report: Report) -> None:
    """The listed versions agree with git and with the files."""
    listed = {row["version"]: row for row in json.loads(versions(project, "--json", "list"))}
    report.want(set(listed) == set(originals), f"the listed versions are {sorted(listed)}")
    for version, files in originals.items():
        commit = run(project, "git", "rev-parse", f"v{version}^{{commit}}").strip()
        report.want(listed[version]["commit"] == commit, f"{version} is listed with a wrong commit")
        report.want(
            listed[version]["model"] == files[MODEL], f"{version} is listed with a wrong model"
        )
        lock = run(project, "git", "show", f"v{version}:dvc.lock")
        report.want(listed[version]["data"] in lock, f"{version}: its data is not in its dvc.lock")
    report.want(
        [row["production"] for row in listed.values()] == [False, True],
        "1.1.0 is not in production",
    )


def check_storage(storage: Path, report: Report) -> None:
    """The name of every object in the remote is its digest."""
    objects = [path for path in (storage / "files/md5").rglob("*") if path.is_file()]
    report.figures["e2e_objects"] = len(objects)
    for path in objects:
        name = (path.parent.name + path.name).removesuffix(".dir")
        if md5_of(path) != name:
            report.want(held=False, finding=f"the object {name} in the remote is damaged")


def check_clone(project: Path, originals: dict[str, dict[str, str]], report: Report) -> None:
    """A fresh clone and the remote restore both versions, byte for byte."""
    clone = project.parent / "proof-clone"
    shutil.rmtree(clone, ignore_errors=True)
    run(project.parent, "git", "clone", "--quiet", str(project), str(clone))
    shutil.copy(project / ".dvc/config.local", clone / ".dvc/config.local")
    for version, files in originals.items():
        run(clone, "git", "checkout", "--quiet", f"v{version}")
        run(clone, str(project / ".venv/bin/dvc"), "pull", "--quiet")
        report.want(digests(clone) == files, f"{version} differs when it is restored in a clone")


def check_serving(project: Path, report: Report) -> None:
    """Production predicts well, can be rolled back, and rejects rows that violate the contract."""
    output = project / "predictions.csv"
    run(project, "make", "predict", "INPUT=data/raw")
    predictions = check_predictions(output, "1.1.0", report)
    truth = labels(project / "data/raw")
    accuracy = sum(predictions[row_id] == label for row_id, label in truth.items()) / len(truth)
    report.figures["e2e_accuracy"] = round(accuracy, 4)
    report.want(accuracy >= MIN_ACCURACY, f"only {accuracy:.1%} of the predictions are correct")
    report.want(set(predictions) == set(truth), "the predicted rows are not those of the input")
    versions(project, "rollback")
    run(project, "make", "predict")
    check_predictions(output, "1.0.0", report)
    invalid = project / "invalid.csv"
    invalid.write_text("id\nx\n")
    message = run(project, "make", "predict", "INPUT=invalid.csv", code=None)
    report.want(
        re.search(r"error: .*(column|cannot read)", message),
        f"the message for invalid input is unclear: {message[-200:]}",
    )
    for path in (invalid, output):
        path.unlink()


def check_predictions(path: Path, version: str, report: Report) -> dict[str, str]:
    """The predictions have probabilities and the version; returns id -> label."""
    if not path.is_file():
        report.want(held=False, finding=f"{path.name} was not written")
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    report.want(len(rows) >= 2, f"only {len(rows)} predictions")
    for row in rows:
        valid = 0 < float(row["probability"]) <= 1 and row["version"] == version
        if not valid:
            report.want(held=False, finding=f"not a prediction of {version}: {row}")
            break
    return {row["id"]: row["label"] for row in rows}


def labels(raw: Path) -> dict[str, str]:
    """The true label of every row in the data: id -> label."""
    table = raw / "rows.csv"
    if not table.exists():
        return {path.stem: path.parent.name for path in raw.rglob("*.png")}
    with table.open(encoding="utf-8", newline="") as stream:
        return {row["id"]: row["label"] for row in csv.DictReader(stream)}


def check_damage(project: Path, storage: Path, md5: str, report: Report) -> None:
    """If one bit of a released model flips in the remote, `make verify` names the object."""
    output = run(project, "make", "verify")
    report.want("intact" in output, f"`make verify` prints {output[-200:]}")
    file = storage / "files/md5" / md5[:2] / md5[2:]
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    output = run(project, "make", "verify", code=None)
    named = "damaged in the remote" in output and MODEL in output and md5 in output
    report.want(named, f"damage in the remote is not named: {output[-300:]}")
    file.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
