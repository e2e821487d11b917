"""Delivers the alerts in the outbox: sends due ones, retries failures and finally gives up."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ..records import Alert
from ..store import outbox
from ..store.db import Database
from .alertmanager import Alertmanager
from .email import Email
from .errors import DeliveryError, PermanentError
from .settings import AlertSettings, Route
from .webhook import Webhook

logger = logging.getLogger(__name__)

_FIRST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=5)
_MARGIN = timedelta(seconds=1)


class Sink(Protocol):
    """Sends alerts to one kind of receiver."""

    def send(self, alert: Alert) -> None:
        """Send an alert; return once the receiver has accepted it, else raise `DeliveryError`."""


def build_sinks(settings: AlertSettings) -> dict[Route, Sink]:
    """Create a sink for each route that has an address in the settings."""
    seconds = settings.alert_seconds
    recipients = tuple(part.strip() for part in settings.alert_email_to.split(",") if part.strip())
    factories: dict[Route, Callable[[], Sink]] = {
        "webhook": lambda: Webhook(
            settings.alert_webhook_url.get_secret_value(),
            settings.alert_webhook_format == "slack",
            seconds,
        ),
        "email": lambda: Email(
            settings.alert_smtp_url.get_secret_value(),
            settings.alert_email_from,
            recipients,
            seconds,
        ),
        "alertmanager": lambda: Alertmanager(
            settings.alert_alertmanager_url, settings.public_url, seconds
        ),
    }
    return {route: factories[route]() for route in settings.active_routes}


def backoff(attempts: int) -> timedelta:
    """The delay after this many attempts: 1 s, 2 s, 4 s and so on, at most 5 minutes."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempts - 1, 16))


@dataclass(frozen=True)
class Deliverer:
    """Delivers the alerts in the outbox.

    Attributes:
        database: The store with the outbox.
        sinks: Sinks by route. Alerts for other routes cannot be sent and are given up.
        seconds: Timeout of a sink for each step of a delivery.
        attempts: Attempts before an alert is given up.
        clock: Returns the current time.
    """

    database: Database
    sinks: Mapping[Route, Sink]
    seconds: float
    attempts: int
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def deliver(self) -> int:
        """Try to send all alerts that are due; return how many were tried."""
        tried = 0
        while (message := self._claim()) is not None:
            self._attempt(message)
            tried += 1
        return tried

    def _claim(self) -> outbox.Message | None:
        # A sink may use its timeout three times: to connect, to send and to wait for an answer.
        lease = timedelta(seconds=3 * self.seconds) + _MARGIN
        with self.database.transaction() as tx:
            return outbox.claim(tx, self.clock(), lease)

    def _attempt(self, message: outbox.Message) -> None:
        """Try to send one alert and store the outcome."""
        alert = message.alert
        facts = {"alert": alert.key, "route": alert.route, "attempt": message.attempts + 1}
        sink = next((sink for route, sink in self.sinks.items() if route == alert.route), None)
        try:
            if sink is None:
                raise PermanentError(f"the route {alert.route} no longer has an address")
            sink.send(alert)
        except DeliveryError as error:
            due = self._due(error, message.attempts + 1)
            logger.warning(
                "alert not delivered",
                extra={"facts": {**facts, "error": str(error), "retry_at": due}},
            )
            with self.database.transaction() as tx:
                outbox.mark_failed(tx, alert.key, str(error), due)
            return
        with self.database.transaction() as tx:
            outbox.mark_sent(tx, alert.key, self.clock())
        logger.info("alert sent", extra={"facts": facts})

    def _due(self, error: DeliveryError, attempts: int) -> datetime | None:
        if isinstance(error, PermanentError) or attempts >= self.attempts:
            return None
        return self.clock() + backoff(attempts)
