"""Exercise 3: a metric shows the error of the last performance estimate, with an alert on it."""

from pathlib import Path

from fastapi.testclient import TestClient

ALERTS = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yml"


def metric(client: TestClient, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(name)))


def test_it_is_the_estimation_error_in_the_last_window_with_labels(
    client: TestClient,
) -> None:
    # In window 24, the estimate was 0.76 and the measured value 0.75.
    assert abs(metric(client, "drift_estimate_error") - 0.01) < 1e-9


def test_there_is_an_alert_on_it() -> None:
    assert "drift_estimate_error" in ALERTS.read_text(encoding="utf-8")
