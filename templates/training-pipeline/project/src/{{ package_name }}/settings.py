"""Settings of this machine; each is an environment variable `APP_<NAME>`, or a line in `.env`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from .defaults import TRACKING_URI
from .logs import LogFormat


class Settings(BaseSettings):
    """Where things are kept and how patient the pipeline is; what it does is in the config."""

    model_config = SettingsConfigDict(
        env_prefix="APP_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    tracking_uri: str = Field(TRACKING_URI, description="MLflow's database or server")
    artifacts: Path = Field(
        Path("mlartifacts"), description="Folder of models and plots, unless a server keeps them"
    )
    var: Path = Field(Path("var"), description="Folder of runs, logs and the lock")
    keep_runs: int = Field(30, ge=1, description="Folders of finished runs to keep")
    on_failure: str = Field("", description="Shell command that gets a failed run's facts (JSON)")
    retries: int = Field(6, ge=0, le=10, description="Tries to reach a lost tracking server again")
    backoff: int = Field(1, ge=0, description="Seconds before the second try; then doubled")
    send_attempts: int = Field(20, ge=1, description="Runs until an unsent run is given up")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: LogFormat = Field("json", description="`json`, or `text` for people")
