"""Alerts for Prometheus' Alertmanager, which groups them, routes them and keeps them quiet.

Alertmanager forgets an alert whose end has come and knows no other memory than that: one that
goes on is sent again and again (https://prometheus.io/docs/alerting/latest/alerts_api). Equal
labels make it the same alert, so however often it is sent, people hear of it once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..records import SEVERITIES, Alert, Incident, Severity
from .webhook import post

_KEPT = timedelta(hours=1)
"""How long an incident goes on when nothing is heard of it, because the monitor is down."""


@dataclass(frozen=True)
class Alertmanager:
    """Speaks version 2 of Alertmanager's API.

    Attributes:
        url: Of the Alertmanager.
        public_url: Of this monitor's dashboard.
        seconds: Time for one request.
    """

    url: str
    public_url: str
    seconds: float

    def send(self, alert: Alert) -> None:
        """Send; returns when Alertmanager has taken it.

        Raises:
            TemporaryError: It may work later.
            PermanentError: Alertmanager does not want it.
        """
        now, incident = datetime.now(UTC), alert.incident
        over = alert.change == "resolved"
        ended = SEVERITIES if over else [s for s in SEVERITIES if s != incident.severity]
        entries = [self._entry(incident, severity, now, alert.text) for severity in ended]
        if not over:
            until = now + _KEPT
            entries.append(self._entry(incident, incident.severity, until, alert.text))
        self._post(alert.key, entries)

    def remind(self, open_incidents: Iterable[tuple[Incident, str]]) -> None:
        """Say of incidents, each with the text of its last alert, that they go on.

        Raises:
            TemporaryError: It may work later.
            PermanentError: Alertmanager does not want it.
        """
        until = datetime.now(UTC) + _KEPT
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
