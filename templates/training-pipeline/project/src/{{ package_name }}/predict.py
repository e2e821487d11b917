"""Batch prediction: a table in, a table with the champion's predictions out."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from . import contract, registry
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

    The rows are held against the contract first, as in training; the target may be missing. The
    output appears in one step: the rows with `prediction`, a column per probability and
    `model_version`.

    Raises:
        ConfigError: The output is neither .csv nor .parquet.
        DataError: The rows are not as agreed.
        RegistryError: There is no champion, or it is damaged.
    """
    if output.suffix not in WRITERS:
        raise ConfigError(f"cannot write {output}: name a .csv or a .parquet file")
    version = registry.find(tracker, config.name)
    if version is None:
        raise RegistryError(f"{config.name} has no champion yet: `make run` trains one")
    model = registry.fetch(tracker, version)
    rows = validate(read(source), contract.load(config.data.contract), with_target=False)
    answer = pl.concat([rows, predictions(model, rows)], how="horizontal").with_columns(
        model_version=pl.lit(str(version.version))
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=output.suffix, dir=output.parent)
    os.close(handle)
    try:
        WRITERS[output.suffix](answer, Path(name))
        Path(name).chmod(0o644)
        Path(name).replace(output)
    finally:
        Path(name).unlink(missing_ok=True)
    return answer


def predictions(model: Model, rows: pl.DataFrame) -> pl.DataFrame:
    """Predict rows and name the answers."""
    values = predict_rows(model, rows)
    if model.meta.task == "regression":
        return pl.DataFrame({"prediction": values})
    named = {f"probability_{label}": values[:, i] for i, label in enumerate(model.meta.labels)}
    chosen = [model.meta.labels[code] for code in values.argmax(axis=1)]
    return pl.DataFrame({"prediction": chosen, **named})
