"""Settings of every HTTP service; each is an environment variable `APP_<NAME>`."""

from typing import Annotated, Literal

import limits
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..logs import LogFormat

MIN_KEY_LENGTH = 16


class SettingsError(Exception):
    """The settings are valid one by one but do not work together."""


def format_errors(error: ValidationError) -> list[str]:
    """Say what is wrong with each environment variable, one line per error."""
    lines = []
    for detail in error.errors():
        where = "_".join(["APP", *map(str, detail["loc"])]).upper() + ": " if detail["loc"] else ""
        lines.append(f"{where}{detail['msg'].removeprefix('Value error, ')}")
    return lines


class ServiceSettings(BaseSettings):
    """Where the service listens, who may call it, and its limits."""

    model_config = SettingsConfigDict(
        env_prefix="APP_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one")
    auth: Literal["api-key", "none"] = Field("api-key", description="How clients authenticate")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys that clients may use, comma-separated"
    )
    rate_limit: str = Field("200/second", description="Limit per client address; `off` for none")
    max_body_bytes: int = Field(2 * 1024 * 1024, gt=0, description="Largest request body")
    max_concurrency: int = Field(100, gt=0, description="Most requests at once")
    request_seconds: float = Field(10, gt=0, description="Time limit for one request")
    drain_seconds: float = Field(
        0, ge=0, description="How long to keep serving, not ready, after SIGTERM"
    )
    shutdown_seconds: int = Field(
        30, gt=0, description="Then, how long requests in flight may take to finish"
    )
    forwarded_allow_ips: str = Field(
        "", description="Proxies whose X-Forwarded-For is trusted, comma-separated"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: LogFormat = Field("json", description="`json`, or `text` for people")
    access_log_sample: float = Field(
        1.0, ge=0, le=1, description="Share of successful requests to log; errors are always logged"
    )

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @field_validator("rate_limit")
    @classmethod
    def _check_rate(cls, value: str) -> str:
        if value != "off":
            limits.parse(value)
        return value

    @field_validator("api_keys")
    @classmethod
    def _check_key_length(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < MIN_KEY_LENGTH for key in keys):
            raise ValueError(f"each key needs at least {MIN_KEY_LENGTH} characters")
        return keys

    def accepted_keys(self) -> tuple[str, ...]:
        """Return the keys that callers may use; empty if no key is needed.

        Raises:
            SettingsError: A key is needed, but none is set.
        """
        if self.auth == "none":
            return ()
        if not self.api_keys:
            raise SettingsError(
                "APP_API_KEYS is empty, so nobody could call. Set it to one or more keys "
                "(`python -c 'import secrets; print(secrets.token_urlsafe(24))'` makes one), "
                "or set APP_AUTH=none."
            )
        return tuple(key.get_secret_value() for key in self.api_keys)
