"""All settings: environment variables that start with `APP_`, or lines in `.env`."""

from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

from .defaults import PROJECT, REGISTRY
from .logs import LogFormat


class Settings(BaseSettings):
    """Settings of this project.

    Attributes:
        serving_dir: Folder of the models that `predict` uses.
        registry: Where promotions are recorded: `mlflow`, or `git-tags` for git tags only.
        tracking_uri: MLflow's server, or a database if there is no server.
        model_name: Name in the registry, and prefix of the experiments' name.
        log_level: Minimum level to log.
        log_format: `json` for machines, `text` for people.
    """

    model_config = SettingsConfigDict(
        env_prefix="APP_", env_file=".env", extra="ignore", protected_namespaces=()
    )

    serving_dir: Path = Path("serving")
    registry: Literal["mlflow", "git-tags"] = REGISTRY
    tracking_uri: str = "sqlite:///mlflow.db"
    model_name: str = PROJECT
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: LogFormat = "text"
