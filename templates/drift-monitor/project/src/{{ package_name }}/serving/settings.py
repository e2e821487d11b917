"""All settings of the service: what every service has, what is monitored, where alerts go."""

from pydantic import Field

from ..alerts.settings import AlertSettings
from ..incidents import Policy
from ..settings import MonitorSettings
from ..web.settings import ServiceSettings


class Settings(ServiceSettings, MonitorSettings, AlertSettings):
    """What the service adds: how often it looks, and how much it takes at once."""

    max_rows: int = Field(10_000, gt=0, description="Most predictions or labels in one request")
    max_body_bytes: int = Field(16 * 1024 * 1024, gt=0, description="Largest request body")
    check_seconds: float = Field(
        5, gt=0, description="Look for windows to check at least this often"
    )

    @property
    def policy(self) -> Policy:
        """When incidents end and who hears of them."""
        return Policy(
            resolve_after=self.resolve_after,
            notify_from=self.alert_from,
            routes=self.active_routes,
            public_url=self.public_url,
        )
