"""Batch prediction: read a table, write it with the champion's predictions."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from . import contract as contracts
from . import registry
from .config import Config
from .errors import ConfigError, RegistryError
from .ingest import read
from .model import Model
from .model import predict as predict_rows
from .tracking import Tracker
from .validate import validate

WRITERS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    ".parquet": lambda frame, path: frame.write_parquet(path),
    ".csv": lambda frame, path: frame.write_csv(path),
}


def predict(config: Config, tracker: Tracker, source: str, output: Path) -> pl.DataFrame:
    """Predict every row of a table with the champion.

    The rows are validated against the contract first, as in training, but the target may be
    missing. The output is replaced atomically: the rows with `prediction`, one column per
    probability, and `model_version`.

    Raises:
        ConfigError: The output is neither .csv nor .parquet.
        DataError: The rows violate the contract.
        RegistryError: There is no champion, or it is damaged.
    """
    if output.suffix not in WRITERS:
        raise ConfigError(f"cannot write {output}: use a .csv or .parquet file")
    version = registry.find(tracker, config.name)
    if version is None:
        raise RegistryError(f"{config.name} has no champion yet: `make run` trains one")
    model = registry.fetch(tracker, version)
    rows = validate(read(source), contracts.load(config.data.contract), with_target=False)
    result = pl.concat([rows, predictions(model, rows)], how="horizontal").with_columns(
        model_version=pl.lit(str(version.version))
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=output.suffix, dir=output.parent)
    os.close(handle)
    try:
        WRITERS[output.suffix](result, Path(name))
        Path(name).chmod(0o644)
        Path(name).replace(output)
    finally:
        Path(name).unlink(missing_ok=True)
    return result


def predictions(model: Model, rows: pl.DataFrame) -> pl.DataFrame:
    """Predict rows and return the predictions as named columns."""
    values = predict_rows(model, rows)
    if model.metadata.task == "regression":
        return pl.DataFrame({"prediction": values})
    labels = model.metadata.labels
    probabilities = {f"probability_{label}": values[:, i] for i, label in enumerate(labels)}
    predicted = [labels[code] for code in values.argmax(axis=1)]
    return pl.DataFrame({"prediction": predicted, **probabilities})
