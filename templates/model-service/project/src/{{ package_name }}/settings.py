"""All settings of this service; README lists the most important ones."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from .defaults import AUTH
from .web.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of every service and those of the model service."""

    model_config = SettingsConfigDict(protected_namespaces=())

    auth: Literal["api-key", "none"] = Field(AUTH, description="How clients authenticate")
    models_dir: Path = Field(Path("models"), description="Where `make train` publishes models")
    reload_seconds: float = Field(
        1, gt=0, description="Seconds between checks for a newly published model"
    )
    max_rows: int = Field(1000, gt=0, description="Most rows in one request")
    inline_rows: int = Field(
        32, ge=0, description="Larger batches run in a thread, so that other requests need not wait"
    )
