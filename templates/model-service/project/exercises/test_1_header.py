"""Exercise 1: every response of /v1/predict names in a header the model that made it."""

from fastapi.testclient import TestClient

ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def test_the_header_names_the_model_that_predicted(client: TestClient) -> None:
    response = client.post("/v1/predict", json={"rows": [ROW]})
    assert response.status_code == 200
    assert response.headers["X-Model-Version"] == response.json()["model_version"]


def test_a_refused_request_has_no_model_header(client: TestClient) -> None:
    response = client.post("/v1/predict", json={"rows": [{}]})
    assert response.status_code == 422
    assert "X-Model-Version" not in response.headers
