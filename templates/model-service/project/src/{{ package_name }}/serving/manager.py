"""Holds the model being served and swaps it when training publishes a new one."""

import asyncio
import logging
from pathlib import Path

from ..bundle import BundleError, current_version, load
from .metrics import ModelMetrics
from .predictor import Model

logger = logging.getLogger(__name__)


class ModelManager:
    """The current model, kept up to date with the models folder.

    A request reads `manager.model` once, so a swap is one assignment and never affects a
    request in progress. A model that can't be verified or run is refused: the previous one
    keeps serving, and `refused` says why.

    Args:
        folder: The models folder.
        metrics: Counts the swaps.
        max_rows: The most rows in one request.

    Raises:
        BundleError: There is no usable model to start with.
    """

    def __init__(self, folder: Path, metrics: ModelMetrics, max_rows: int) -> None:
        self._folder = folder
        self._metrics = metrics
        self._max_rows = max_rows
        self.refused: str | None = None
        self.model = self._load(current_version(folder))
        self._set_info()

    async def watch(self, seconds: float) -> None:
        """Check for a newly published model at an interval, forever."""
        while True:
            await asyncio.sleep(seconds)
            await self.refresh()

    async def refresh(self) -> None:
        """Swap to the published model if it is a different one."""
        try:
            version = current_version(self._folder)
            if version != self.model.version:
                # Reading, hashing and loading take a while and must not block the event loop.
                model = await asyncio.to_thread(self._load, version)
                self._metrics.info.clear()
                self.model = model
                self._set_info()
                self._metrics.swaps.labels("done").inc()
                logger.info("model swapped", extra={"facts": {"version": version}})
        except BundleError as error:
            # It is checked again each time but reported only once.
            if str(error) != self.refused:
                self.refused = str(error)
                self._metrics.swaps.labels("refused").inc()
                logger.error("model refused", extra={"facts": {"reason": self.refused}})  # noqa: TRY400 - the reason is enough
        else:
            self.refused = None

    def _load(self, version: str) -> Model:
        return Model(load(self._folder, version), self._metrics, self._max_rows)

    def _set_info(self) -> None:
        manifest = self.model.manifest
        self._metrics.info.labels(manifest.version, manifest.dataset.name).set(1)
