"""All settings of this service, in one place; README lists what they do."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from .defaults import AUTH
from .web.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the model service adds to the settings of every service."""

    model_config = SettingsConfigDict(protected_namespaces=())

    auth: Literal["api-key", "none"] = Field(AUTH, description="How clients authenticate")
    models_dir: Path = Field(Path("models"), description="Where `make train` publishes models")
    reload_seconds: float = Field(
        1, gt=0, description="How often to look whether a new model was published"
    )
    max_rows: int = Field(1000, gt=0, description="Most rows in one request")
    inline_rows: int = Field(
        32, ge=0, description="Batches above this run in a thread, so others need not wait"
    )
