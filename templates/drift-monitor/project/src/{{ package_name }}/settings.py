"""The settings of the monitor itself; each is an environment variable `APP_<NAME>`.

The service adds how it listens and where alerts go (see `serving/settings.py`).
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from .defaults import STORE, TASK
from .frame import Names


class MonitorSettings(BaseSettings):
    """What is monitored, where it is kept, and when a difference counts as drift."""

    model_config = SettingsConfigDict(
        env_prefix="APP_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    task: Literal["classification", "regression"] = Field(
        TASK, description="What the monitored model predicts"
    )
    store: Literal["duckdb", "postgres"] = Field(
        STORE, description="Where events, results and incidents are kept"
    )
    data_dir: Path = Field(Path("var"), description="Folder of the DuckDB file and the caches")
    database_url: SecretStr = Field(
        SecretStr("postgresql://drift@localhost/drift"), description="Of the PostgreSQL store"
    )
    reference: Path = Field(
        Path("data/reference.parquet"), description="What is normal: a Parquet or CSV file"
    )
    id_column: str = Field("id", description="Columns of files that are no input of the model")
    time_column: str = "timestamp"
    prediction_column: str = "prediction"
    score_column: str = Field("score", description="How sure a classifier is of its prediction")
    label_column: str = "label"
    ignore_columns: str = Field("", description="Others to leave out, separated by commas")
    window_rows: int = Field(1000, ge=50, description="Predictions in one window")
    window_seconds: float = Field(
        0, ge=0, description="Close a window after this time even if it is not full; 0: never"
    )
    min_rows: int = Field(100, ge=20, description="Fewest predictions in such a window")
    label_share: float = Field(
        0.9, gt=0, le=1, description="Judge performance when this share of a window has labels"
    )
    label_seconds: float = Field(
        0, ge=0, description="Or after this time with the labels that came; 0: never"
    )
    false_alarms: float = Field(
        0.02, gt=0, lt=0.5, description="Share of unchanged windows that may raise an alarm"
    )
    min_effect: float = Field(
        0.02, ge=0, description="Smaller changes of a column never count (see ColumnCheck.effect)"
    )
    seed: int = Field(0, ge=0, description="Of all resampling, so that results repeat")

    @property
    def names(self) -> Names:
        """What the columns with a role are called in files."""
        ignore = tuple(name.strip() for name in self.ignore_columns.split(",") if name.strip())
        return Names(
            id=self.id_column,
            time=self.time_column,
            prediction=self.prediction_column,
            score=self.score_column,
            label=self.label_column,
            ignore=ignore,
        )

    @property
    def database_file(self) -> Path:
        """Where the DuckDB store is."""
        return self.data_dir / "monitor.duckdb"

    @property
    def cache_dir(self) -> Path:
        """Where calibrations are kept; safe to delete."""
        return self.data_dir / "cache"
