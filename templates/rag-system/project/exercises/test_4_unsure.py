"""Exercise 4: count answers with low confidence, and alert on them."""

from pathlib import Path

from fastapi.testclient import TestClient

ALERTS = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yml"


def unsure(client: TestClient) -> float:
    """Return `rag_unsure_total`: the number of answers with a confidence below 0.8."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("rag_unsure_total"))


def test_only_unsure_answers_are_counted(client: TestClient) -> None:
    questions = (
        "How long after rain does it start to water again?",
        "When is it best to water?",
        "What does a flow meter do?",
        "How long is the warranty?",
        "Who won the football match yesterday?",
    )
    answers = [client.post("/v1/answers", json={"question": each}).json() for each in questions]
    expected = sum(each["outcome"] == "answered" and each["confidence"] < 0.8 for each in answers)

    assert "rag_unsure_total" in client.get("/metrics").text
    assert unsure(client) == expected


def test_an_alert_watches_them() -> None:
    assert "rag_unsure_total" in ALERTS.read_text(encoding="utf-8")
