"""`python -m ... predict`: predict rows with the version in production."""

import argparse
import csv
import logging
import sys
from pathlib import Path

from . import logs, model, serving
from .data.read import read
from .data.table import Table
from .errors import DataError, ProjectError
from .serving import Served
from .settings import Settings

logger = logging.getLogger(__name__)


def run(served: Served, rows: Table, output: Path) -> None:
    """Predict rows and write the answers: `id`, `label`, `probability`, `version`.

    The file appears in one step.

    Raises:
        DataError: The file cannot be written.
    """
    answers = model.predict(served.model, rows.values)
    scratch = output.with_name(f".{output.name}.new")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("id", "label", "probability", "version"))
            for name, label, chances in zip(
                rows.ids, answers.labels, answers.probabilities, strict=True
            ):
                writer.writerow((name, label, f"{chances.max():.6f}", served.manifest.version))
        scratch.replace(output)
    except OSError as error:
        raise DataError(f"cannot write {output}: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="predict", description="Predict rows with the version in production."
    )
    parser.add_argument(
        "--input",
        type=Path,
        help="a CSV file or a folder of PNG files; without "
        "it, rows that travel with the model are predicted",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("predictions.csv"),
        help="CSV file to write (default: %(default)s)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only check that the model is whole and answers as it did when it was made",
    )
    chosen = parser.parse_args(arguments)
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    try:
        served = serving.load(settings.serving_dir)
        model.check(served.model)
        if chosen.check:
            return 0
        rows = (
            read(chosen.input, served.model.meta.contract, labelled=False)
            if chosen.input
            else model.examples(served.model)
        )
        run(served, rows, chosen.output)
    except ProjectError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - people read it
        return error.code
    facts = {"rows": len(rows.ids), "version": served.manifest.version, "to": str(chosen.output)}
    logger.info("predicted", extra={"facts": facts})
    return 0


if __name__ == "__main__":
    sys.exit(main())
