"""All settings of the service, including those for monitoring and alerts."""

from pydantic import Field

from ..alerts.settings import AlertSettings
from ..incidents import IncidentPolicy
from ..settings import MonitorSettings
from ..web.settings import ServiceSettings


class Settings(ServiceSettings, MonitorSettings, AlertSettings):
    """Adds the limits of requests and the check interval."""

    max_rows: int = Field(
        10_000, gt=0, description="Maximum number of predictions or labels in a request"
    )
    max_body_bytes: int = Field(
        16 * 1024 * 1024, gt=0, description="Maximum size of a request body"
    )
    check_seconds: float = Field(5, gt=0, description="Look for due windows at least this often")

    @property
    def policy(self) -> IncidentPolicy:
        """When incidents are resolved and who is notified."""
        return IncidentPolicy(
            resolve_after=self.resolve_after,
            min_severity=self.alert_from,
            routes=self.active_routes,
            public_url=self.public_url,
        )
