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
from .serving import ServedModel
from .settings import Settings

logger = logging.getLogger(__name__)


def run(served: ServedModel, rows: Table, output: Path) -> None:
    """Predict rows and write a CSV file: `id`, `label`, `probability`, `version`.

    The file is replaced atomically.

    Raises:
        DataError: The file cannot be written.
    """
    predictions = model.predict(served.model, rows.values)
    temporary = output.with_name(f".{output.name}.new")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("id", "label", "probability", "version"))
            for row_id, label, probabilities in zip(
                rows.ids, predictions.labels, predictions.probabilities, strict=True
            ):
                probability = f"{probabilities.max():.6f}"
                writer.writerow((row_id, label, probability, served.manifest.version))
        temporary.replace(output)
    except OSError as error:
        raise DataError(f"cannot write {output}: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="predict", description="Predict rows with the version in production."
    )
    parser.add_argument(
        "--input",
        type=Path,
        help="a CSV file or a folder of PNG files (default: the example rows stored in the model)",
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
        help="only check that the model is intact and predicts its example rows as it should",
    )
    options = parser.parse_args(arguments)
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    try:
        served = serving.load(settings.serving_dir)
        model.self_check(served.model)
        if options.check:
            return 0
        rows = (
            read(options.input, served.model.metadata.contract, labelled=False)
            if options.input
            else model.examples(served.model)
        )
        run(served, rows, options.output)
    except ProjectError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's output
        return error.code
    facts = {"rows": len(rows.ids), "version": served.manifest.version, "to": str(options.output)}
    logger.info("predicted", extra={"facts": facts})
    return 0


if __name__ == "__main__":
    sys.exit(main())
