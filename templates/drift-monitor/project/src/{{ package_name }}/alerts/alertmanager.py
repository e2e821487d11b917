"""Sends alerts to Prometheus Alertmanager, which groups, routes and silences them.

Alertmanager considers an alert resolved once its end time has passed, so clients must resend an
ongoing alert regularly (https://prometheus.io/docs/alerting/latest/alerts_api). It identifies an
alert by its labels, so people are notified once, no matter how often it is sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..records import SEVERITIES, Alert, Incident, Severity
from .webhook import post

_EXPIRES_AFTER = timedelta(hours=1)
"""How long Alertmanager keeps an alert active without news, for example if the monitor is down."""


@dataclass(frozen=True)
class Alertmanager:
    """A client for version 2 of Alertmanager's API.

    Attributes:
        url: Address of the Alertmanager.
        public_url: Address of this monitor's dashboard.
        seconds: Timeout of a request.
    """

    url: str
    public_url: str
    seconds: float

    def send(self, alert: Alert) -> None:
        """Send an alert; return once Alertmanager has accepted it.

        Raises:
            TemporaryError: It may work later.
            PermanentError: Alertmanager rejects the alert.
        """
        now, incident = datetime.now(UTC), alert.incident
        resolved = alert.change == "resolved"
        # The severity is one of the labels: a change of severity ends one alert and starts another.
        ended = SEVERITIES if resolved else [s for s in SEVERITIES if s != incident.severity]
        entries = [self._entry(incident, severity, now, alert.text) for severity in ended]
        if not resolved:
            until = now + _EXPIRES_AFTER
            entries.append(self._entry(incident, incident.severity, until, alert.text))
        self._post(alert.key, entries)

    def remind(self, open_incidents: Iterable[tuple[Incident, str]]) -> None:
        """Resend open incidents, each with the text of its last alert.

        Raises:
            TemporaryError: It may work later.
            PermanentError: Alertmanager rejects the request.
        """
        until = datetime.now(UTC) + _EXPIRES_AFTER
        entries = [self._entry(one, one.severity, until, text) for one, text in open_incidents]
        if entries:
            self._post("reminder", entries)

    def _post(self, key: str, entries: Sequence[dict[str, Any]]) -> None:
        post(f"{self.url.rstrip('/')}/api/v2/alerts", self.seconds, key, json=list(entries))

    def _entry(
        self, incident: Incident, severity: Severity, ends: datetime, text: str
    ) -> dict[str, Any]:
        labels = {"alertname": "ModelDrift", "incident": incident.id, "severity": severity}
        return {
            "labels": labels,
            "annotations": {
                "summary": incident.title,
                "description": text,
                "columns": ", ".join(incident.columns),
            },
            "startsAt": incident.opened_at.isoformat(),
            "endsAt": ends.isoformat(),
            "generatorURL": f"{self.public_url.rstrip('/')}/incidents/{incident.id}",
        }
