"""Empties the outbox: sends what is due, tries again what failed, gives up in the end."""

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
    """What can send an alert."""

    def send(self, alert: Alert) -> None:
        """Send; returns when the receiver has taken it, raises `DeliveryError` otherwise."""


def sinks(settings: AlertSettings) -> dict[Route, Sink]:
    """What the settings give an address for, by route."""
    seconds = settings.alert_seconds
    recipients = tuple(part.strip() for part in settings.alert_email_to.split(",") if part.strip())
    every: dict[Route, Callable[[], Sink]] = {
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
    return {route: every[route]() for route in settings.active_routes}


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1 s, 2 s, 4 s and so on, at most 5 minutes."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempts - 1, 16))


@dataclass(frozen=True)
class Deliverer:
    """Sends what is in the outbox.

    Attributes:
        database: Holds the outbox.
        sinks: By route. Alerts of other routes are given up: nobody could send them.
        seconds: Time that a sink takes at most; a lease is a little longer.
        attempts: Before an alert is given up.
        clock: Tells the time.
    """

    database: Database
    sinks: Mapping[Route, Sink]
    seconds: float
    attempts: int
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def deliver(self) -> int:
        """Send all that is due now; gives how many alerts were tried."""
        tried = 0
        while (letter := self._take()) is not None:
            self._attempt(letter)
            tried += 1
        return tried

    def _take(self) -> outbox.Letter | None:
        # A sink may connect, speak and wait for an answer, each within its time.
        lease = timedelta(seconds=3 * self.seconds) + _MARGIN
        with self.database.transaction() as tx:
            return outbox.take(tx, self.clock(), lease)

    def _attempt(self, letter: outbox.Letter) -> None:
        """Send one alert and write down what came of it."""
        alert = letter.alert
        facts = {"alert": alert.key, "route": alert.route, "attempt": letter.attempts + 1}
        sink = next((sink for route, sink in self.sinks.items() if route == alert.route), None)
        try:
            if sink is None:
                raise PermanentError(f"the route {alert.route} has no address any more")
            sink.send(alert)
        except DeliveryError as error:
            due = self._due(error, letter.attempts + 1)
            logger.warning(
                "alert did not arrive",
                extra={"facts": {**facts, "error": str(error), "again_at": due}},
            )
            with self.database.transaction() as tx:
                outbox.failed(tx, alert.key, str(error), due)
            return
        with self.database.transaction() as tx:
            outbox.sent(tx, alert.key, self.clock())
        logger.info("alert sent", extra={"facts": facts})

    def _due(self, error: DeliveryError, attempts: int) -> datetime | None:
        if isinstance(error, PermanentError) or attempts >= self.attempts:
            return None
        return self.clock() + backoff(attempts)
