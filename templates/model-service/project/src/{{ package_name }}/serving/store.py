"""Holds the model that answers, and changes it when training publishes another."""

import asyncio
import logging
from pathlib import Path

from ..artifact import ArtifactError, current_version, load
from .metrics import ModelMetrics
from .predictor import Model

logger = logging.getLogger(__name__)


class ModelStore:
    """The current model, and a watch over the models folder.

    A request takes `store.model` once and keeps it, so a change is one assignment and never
    meets a request half-way. A model that can't be verified or run is refused: the one
    before goes on answering, and `refused` says why.

    Args:
        folder: The models folder.
        metrics: Where changes are counted.
        max_rows: Most rows in one request.

    Raises:
        ArtifactError: There is no usable model to begin with.
    """

    def __init__(self, folder: Path, metrics: ModelMetrics, max_rows: int) -> None:
        self._folder = folder
        self._metrics = metrics
        self._max_rows = max_rows
        self.refused: str | None = None
        self.model = self._load(current_version(folder))
        self._announce()

    async def watch(self, seconds: float) -> None:
        """Look for a newly published model, for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self.refresh()

    async def refresh(self) -> None:
        """Change to the published model if it is another one."""
        try:
            version = current_version(self._folder)
            if version != self.model.version:
                # Reading, hashing and building take a while; the event loop goes on meanwhile.
                model = await asyncio.to_thread(self._load, version)
                self._metrics.info.clear()
                self.model = model
                self._announce()
                self._metrics.swaps.labels("done").inc()
                logger.info("model changed", extra={"facts": {"version": version}})
        except ArtifactError as error:
            # It is looked at again each time, but told once.
            if str(error) != self.refused:
                self.refused = str(error)
                self._metrics.swaps.labels("refused").inc()
                logger.error("model refused", extra={"facts": {"reason": self.refused}})  # noqa: TRY400 - the reason says it all
        else:
            self.refused = None

    def _load(self, version: str) -> Model:
        return Model(load(self._folder, version), self._metrics, self._max_rows)

    def _announce(self) -> None:
        manifest = self.model.manifest
        self._metrics.info.labels(manifest.version, manifest.dataset.name).set(1)
