"""Exercise 1: an incident can be silenced over the weekend, for 72 hours."""

from fastapi.testclient import TestClient

INCIDENT = "/incidents/18-inputs"


def test_the_page_offers_the_weekend(client: TestClient) -> None:
    assert '<option value="72">' in client.get(INCIDENT).text


def test_the_weekend_can_be_chosen(client: TestClient) -> None:
    answer = client.post(INCIDENT, data={"action": "silence", "hours": "72"})
    assert answer.status_code == 200
    assert "Silent until" in answer.text


def test_nobody_can_silence_it_for_ever(client: TestClient) -> None:
    answer = client.post(INCIDENT, data={"action": "silence", "hours": "720000"})
    assert answer.status_code == 422
