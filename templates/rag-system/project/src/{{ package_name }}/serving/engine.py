"""The parts that answer, and bringing the index up to date before they do."""

import logging
from threading import Event, Thread

from ..answer.graph import Assistant
from ..ingest.run import Recipe, Report, Work, here, ingest, survey
from ..parts import assemble, open_embedder, open_store_for
from ..records import UserError
from ..settings import Settings
from ..web.problems import Problem
from .metrics import RagMetrics

logger = logging.getLogger(__name__)


class _EndingError(Exception):
    """The service ends while the index is being brought up to date."""


class Engine:
    """Ready to answer once the index is up to date.

    Args:
        settings: Say which parts there are.
        metrics: Where the state of the index is shown.

    Raises:
        UserError: A part can't be used.
    """

    def __init__(self, settings: Settings, metrics: RagMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self.embedder = open_embedder(settings)
        self.store = open_store_for(settings, self.embedder)
        self._assistant = assemble(settings, self.store, self.embedder)
        self.unready_reason: str | None = "The index is about to be brought up to date."
        self._ending = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Bring the index up to date, in a thread of its own."""
        self._ending.clear()
        self._thread = Thread(target=self._prepare, name="ingest", daemon=True)
        self._thread.start()

    def ready(self) -> Assistant:
        """Who answers.

        Raises:
            Problem: 503 as long as the index is not ready.
        """
        if self.unready_reason:
            raise Problem(503, self.unready_reason, headers={"Retry-After": "5"})
        return self._assistant

    def close(self) -> None:
        """End ingestion, which goes on where it was the next time, and let go of the store.

        It ends after the document that it is at: a thread inside ONNX Runtime must not outlive
        the interpreter.
        """
        self._ending.set()
        if self._thread:
            self._thread.join()
        self.store.close()

    def _prepare(self) -> None:
        try:
            if self._settings.ingest_on_start:
                self._announce(self._ingest())
            self._metrics.documents.set(len(self.store.manifest()))
        except _EndingError:
            logger.info("ingestion interrupted")
        except UserError as error:
            self.unready_reason = f"The index could not be brought up to date: {error}"
            logger.error("ingestion failed", extra={"facts": {"reason": str(error)}})  # noqa: TRY400 - the reason says it all
        except Exception:
            self.unready_reason = "The index could not be brought up to date; the log says why."
            logger.exception("ingestion failed")
        else:
            self.unready_reason = None

    def _ingest(self) -> Report:
        recipe = Recipe.of(self._settings, self.embedder.name)
        sources = survey(self._settings.documents_dir, recipe)
        return ingest(sources, self.store, here(recipe, self.embedder), self._progress)

    def _progress(self, number: int, count: int, work: Work) -> None:
        done = f"{number} of {count} documents"
        self.unready_reason = f"The index is being brought up to date: {done}."
        if work.problem:
            facts = {"document": work.source.id, "reason": work.problem}
            logger.warning("document not read", extra={"facts": facts})
        if self._ending.is_set():
            raise _EndingError

    def _announce(self, report: Report) -> None:
        self._metrics.problems.set(len(report.problems))
        facts = {
            "taken_in": report.put,
            "unchanged": report.unchanged,
            "deleted": report.deleted,
            "not_read": len(report.problems),
        }
        logger.info("index up to date", extra={"facts": facts})
