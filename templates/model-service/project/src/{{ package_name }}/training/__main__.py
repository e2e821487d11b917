"""The command line of training: `python -m <package>.training --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..bundle import CARD_FILE, Bundle
from ..defaults import DATASET
from ..settings import Settings
from .export import ExportError
from .table import DataError
from .train import QualityError, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Train a model and print the result.

    Returns:
        0, or 1 if no model was published.
    """
    options = _parser().parse_args(arguments)
    print(f"Training on {options.data} (seed {options.seed})...", flush=True)
    try:
        trained = train(
            options.data,
            options.models,
            target=options.target,
            drop=options.drop,
            data_dir=options.data_dir,
            seed=options.seed,
            min_accuracy=options.min_accuracy,
        )
    except (DataError, ExportError, QualityError, OSError) as error:
        print(f"error: {error}\nno model was published", file=sys.stderr)
        return 1
    print(summary(trained))
    return 0


def summary(trained: Bundle) -> str:
    """Say in a few lines what was trained, how good it is and where it was published."""
    manifest = trained.manifest
    metrics, data = manifest.metrics, manifest.dataset
    scores = ", ".join(f"{name} {score:.4f}" for name, score in metrics.candidates.items())
    lines = {
        "data": f"{data.name}: {data.train_rows} training rows, {data.held_out_rows} held out",
        "candidates": f"{scores} (balanced accuracy, {metrics.cv_folds}-fold)",
        "chosen": manifest.model.estimator,
        "held out": f"accuracy {metrics.accuracy:.4f}; predicting the most frequent label would "
        f"get {metrics.baseline_accuracy:.4f}",
        "ONNX": "same label on every held-out row, probabilities within "
        f"{metrics.onnx_max_difference:.0e}",
        "published": f"{trained.path} (see {trained.path / CARD_FILE})",
    }
    return "\n".join(f"  {name:<11} {text}" for name, text in lines.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        description="Train a classifier, export it to ONNX, verify it and publish it.",
    )
    add = parser.add_argument
    add("--data", default=DATASET, help="iris, digits, mnist, or a CSV or Parquet file")
    add("--target", metavar="COLUMN", help="the column of the file to predict")
    add("--drop", metavar="COLUMN", action="append", default=[], help="a column to leave out")
    add("--models", type=Path, default=Settings().models_dir, help="folder to publish to")
    add("--data-dir", type=Path, default=Path("data"), help="folder of the MNIST files")
    add("--seed", type=int, default=0, help="the same data and seed give the same model")
    add("--min-accuracy", type=float, metavar="A", help="the accuracy required to publish")
    return parser


if __name__ == "__main__":
    sys.exit(main())
