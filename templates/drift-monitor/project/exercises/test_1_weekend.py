"""Exercise 1: an incident can be silenced over the weekend, for 72 hours."""

from fastapi.testclient import TestClient

INCIDENT = "/incidents/18-inputs"


def test_the_page_offers_the_weekend(client: TestClient) -> None:
    assert '<option value="72">' in client.get(INCIDENT).text


def test_the_weekend_can_be_selected(client: TestClient) -> None:
    answer = client.post(INCIDENT, data={"action": "silence", "hours": "72"})
    assert answer.status_code == 200
    assert "Silenced until" in answer.text


def test_an_incident_cannot_be_silenced_forever(client: TestClient) -> None:
    answer = client.post(INCIDENT, data={"action": "silence", "hours": "720000"})
    assert answer.status_code == 422
