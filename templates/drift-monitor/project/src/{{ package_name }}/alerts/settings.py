"""Settings for alerts; each one is an environment variable `APP_<NAME>`."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..defaults import ALERTS
from ..records import Severity

Route = Literal["webhook", "email", "alertmanager"]


class AlertSettings(BaseSettings):
    """The routes of alerts, their addresses and the retry limits."""

    model_config = SettingsConfigDict(
        env_prefix="APP_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    alert_routes: Annotated[tuple[Route, ...], NoDecode] = Field(
        (ALERTS,), description="Routes for alerts, separated by commas"
    )
    alert_from: Severity = Field("warning", description="Minimum severity that sends alerts")
    resolve_after: int = Field(
        3, ge=1, description="Consecutive drift-free windows before an incident closes"
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""), description="Address that receives each alert as a POST request"
    )
    alert_webhook_format: Literal["json", "slack"] = Field(
        "json", description="`json`: the whole alert; `slack`: its text, as Slack expects it"
    )
    alert_smtp_url: SecretStr = Field(
        SecretStr(""), description="Mail server, like smtp://host:25 or smtps://host:465"
    )
    alert_email_from: str = Field("drift-monitor@localhost", description="Sender of the emails")
    alert_email_to: str = Field("", description="Recipients, separated by commas")
    alert_alertmanager_url: str = Field(
        "", description="Address of an Alertmanager, like http://127.0.0.1:9093"
    )
    alert_seconds: float = Field(10, gt=0, description="Timeout of a delivery attempt")
    alert_attempts: int = Field(8, ge=1, description="Attempts before an alert is given up")
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Address of the dashboard, for links in alerts"
    )

    @field_validator("alert_routes", mode="before")
    @classmethod
    def _split_routes(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(route.strip() for route in value.split(",") if route.strip())
        return value

    @property
    def active_routes(self) -> tuple[Route, ...]:
        """The routes that have an address; alerts for the others are not sent."""
        addressed = {
            "webhook": self.alert_webhook_url.get_secret_value(),
            "email": self.alert_smtp_url.get_secret_value() and self.alert_email_to,
            "alertmanager": self.alert_alertmanager_url,
        }
        return tuple(route for route in self.alert_routes if addressed[route])
