"""Exercise 1: every answer of /v1/predict says in a header which model gave it."""

from fastapi.testclient import TestClient

ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def test_the_header_names_the_model_that_answered(client: TestClient) -> None:
    answer = client.post("/v1/predict", json={"rows": [ROW]})
    assert answer.status_code == 200
    assert answer.headers["X-Model-Version"] == answer.json()["model_version"]


def test_no_model_answered_a_request_that_was_refused(client: TestClient) -> None:
    answer = client.post("/v1/predict", json={"rows": [{}]})
    assert answer.status_code == 422
    assert "X-Model-Version" not in answer.headers
