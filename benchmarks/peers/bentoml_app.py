"""The same model behind BentoML, with the same validation; MODELS is the models folder."""

import os
from pathlib import Path
from typing import Any

import bentoml
from common import Model, row_model

MODELS = Path(os.environ["MODELS"])
Row = row_model(Model(MODELS).manifest)


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Service:
    def __init__(self) -> None:
        self.model = Model(MODELS)

    @bentoml.api(route="/v1/predict")
    async def predict(self, rows: list[Row]) -> dict[str, Any]:
        return self.model.predict(rows)
