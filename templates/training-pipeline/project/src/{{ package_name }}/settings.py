"""Settings of this machine: environment variables `APP_<NAME>`, or lines in `.env`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from .defaults import TRACKING_URI
from .logs import LogFormat


class Settings(BaseSettings):
    """Storage locations, retries and logging; what a run does is in the configuration file."""

    model_config = SettingsConfigDict(
        env_prefix="APP_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    tracking_uri: str = Field(TRACKING_URI, description="MLflow database or server")
    artifacts: Path = Field(
        Path("mlartifacts"), description="Folder for models and plots, unless a server stores them"
    )
    var: Path = Field(Path("var"), description="Folder for runs, logs and the lock")
    keep_runs: int = Field(30, ge=1, description="How many folders of finished runs to keep")
    on_failure: str = Field(
        "", description="Shell command to run on failure, with the facts as JSON on standard input"
    )
    retries: int = Field(
        6, ge=0, le=10, description="Retries when the tracking server is unavailable"
    )
    backoff: int = Field(1, ge=0, description="Seconds before the first retry, then doubled")
    send_attempts: int = Field(
        20, ge=1, description="Attempts to send a run before it is marked as failed"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: LogFormat = Field("json", description="`json` for machines, `text` for people")
