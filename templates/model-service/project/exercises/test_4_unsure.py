"""Exercise 4: count the predictions that the model is unsure of, and alert on them."""

from pathlib import Path

from fastapi.testclient import TestClient

ALERTS = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yml"


def unsure(client: TestClient) -> float:
    """The value of `model_unsure_total`: rows whose best label has less than 80 %."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("model_unsure_total"))


def test_only_unsure_rows_are_counted(client: TestClient) -> None:
    # From a typical versicolor to a typical virginica: somewhere in between, no model is sure.
    steps = [step / 50 for step in range(51)]
    rows = [
        {
            "sepal_length": 5.9 + 0.7 * step,
            "sepal_width": 2.8 + 0.2 * step,
            "petal_length": 4.2 + 1.4 * step,
            "petal_width": 1.3 + 0.7 * step,
        }
        for step in steps
    ]
    response = client.post("/v1/predict", json={"rows": rows}).json()
    expected = sum(max(row["probabilities"].values()) < 0.8 for row in response["predictions"])
    assert 0 < expected < len(rows)
    assert unsure(client) == expected


def test_an_alert_watches_them() -> None:
    assert "model_unsure_total" in ALERTS.read_text(encoding="utf-8")
