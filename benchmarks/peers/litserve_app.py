"""The same model behind LitServe, with the same validation: python litserve_app.py MODELS PORT."""

import sys
from pathlib import Path
from typing import Any

import litserve
from common import Model, request_model

MODEL = Model(Path(sys.argv[1]))
Request = request_model(MODEL.manifest)


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        self.model = MODEL

    def decode_request(self, request: Request) -> list[Any]:
        return request["rows"]

    def predict(self, rows: list[Any]) -> dict[str, Any]:
        return self.model.predict(rows)

    def encode_response(self, answer: dict[str, Any]) -> dict[str, Any]:
        return answer


if __name__ == "__main__":
    server = litserve.LitServer(
        Api(api_path="/v1/predict"), accelerator="cpu", workers_per_device=1
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
