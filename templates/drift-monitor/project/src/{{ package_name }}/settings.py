"""Settings of the monitor itself; each one is an environment variable `APP_<NAME>`.

The service adds settings for HTTP and for alerts (see `serving/settings.py`).
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from .defaults import STORE, TASK
from .frame import ColumnNames


class MonitorSettings(BaseSettings):
    """What is monitored, where data is stored, and when a difference counts as drift."""

    model_config = SettingsConfigDict(
        env_prefix="APP_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    task: Literal["classification", "regression"] = Field(
        TASK, description="What the monitored model predicts"
    )
    store: Literal["duckdb", "postgres"] = Field(
        STORE, description="Where events, results and incidents are stored"
    )
    data_dir: Path = Field(Path("var"), description="Folder for the DuckDB file and the caches")
    database_url: SecretStr = Field(
        SecretStr("postgresql://drift@localhost/drift"), description="URL of the PostgreSQL store"
    )
    reference: Path = Field(
        Path("data/reference.parquet"), description="The reference data: a Parquet or CSV file"
    )
    id_column: str = Field("id", description="Name of the column with the prediction id")
    time_column: str = Field("timestamp", description="Name of the column with the event time")
    prediction_column: str = Field("prediction", description="Name of the prediction column")
    score_column: str = Field(
        "score", description="Name of the column with a classifier's confidence"
    )
    label_column: str = Field("label", description="Name of the column with the true outcome")
    ignore_columns: str = Field("", description="Other columns to ignore, separated by commas")
    window_rows: int = Field(1000, ge=50, description="Number of predictions per window")
    window_seconds: float = Field(
        0, ge=0, description="Close a window after this time even if it is not full; 0: never"
    )
    min_rows: int = Field(100, ge=20, description="Minimum number of predictions in such a window")
    label_share: float = Field(
        0.9, gt=0, le=1, description="Measure performance once this share of a window is labelled"
    )
    label_seconds: float = Field(
        0, ge=0, description="Or after this time, with the labels received so far; 0: never"
    )
    false_alarms: float = Field(
        0.02, gt=0, lt=0.5, description="Accepted share of unchanged windows that raise an alarm"
    )
    min_effect: float = Field(
        0.02, ge=0, description="Ignore changes of a column below this (see ColumnCheck.effect)"
    )
    seed: int = Field(0, ge=0, description="Seed for all resampling; makes results reproducible")

    @property
    def names(self) -> ColumnNames:
        """The names that files use for the columns with a role."""
        ignore = tuple(name.strip() for name in self.ignore_columns.split(",") if name.strip())
        return ColumnNames(
            id=self.id_column,
            time=self.time_column,
            prediction=self.prediction_column,
            score=self.score_column,
            label=self.label_column,
            ignore=ignore,
        )

    @property
    def database_file(self) -> Path:
        """Path of the DuckDB store."""
        return self.data_dir / "monitor.duckdb"

    @property
    def cache_dir(self) -> Path:
        """Folder with cached calibrations; safe to delete."""
        return self.data_dir / "cache"
