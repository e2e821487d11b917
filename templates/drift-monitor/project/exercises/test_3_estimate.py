"""Exercise 3: a metric tells how far the last estimate of performance was off, and is watched."""

from pathlib import Path

from fastapi.testclient import TestClient

ALERTS = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yml"


def metric(client: TestClient, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(name)))


def test_it_is_the_distance_of_estimate_and_truth_in_the_last_window_with_both(
    client: TestClient,
) -> None:
    # Window 24 was estimated at 0.76 and turned out to be 0.75.
    assert abs(metric(client, "drift_estimate_error") - 0.01) < 1e-9


def test_an_alert_watches_it() -> None:
    assert "drift_estimate_error" in ALERTS.read_text(encoding="utf-8")
