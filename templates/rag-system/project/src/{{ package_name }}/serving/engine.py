"""Holds the components that answer questions, and updates the index before they do."""

import logging
from threading import Event, Thread

from ..answer.graph import Assistant
from ..factories import build_assistant, open_embedder, open_store_for
from ..ingest.run import EncodingResult, IngestConfig, IngestResult, encode_locally, ingest, scan
from ..records import UserError
from ..settings import Settings
from ..web.problems import Problem
from .metrics import RagMetrics

logger = logging.getLogger(__name__)


class _ShutdownError(Exception):
    """The service shuts down during ingestion."""


class Engine:
    """Answers questions once the index is up to date.

    Args:
        settings: The settings, which select the components.
        metrics: Gets the state of the index.

    Raises:
        UserError: A component can't be used.
    """

    def __init__(self, settings: Settings, metrics: RagMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self.embedder = open_embedder(settings)
        self.store = open_store_for(settings, self.embedder)
        self._assistant = build_assistant(settings, self.store, self.embedder)
        self.unready_reason: str | None = "The index has not been updated yet."
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start updating the index in a background thread."""
        self._stopping.clear()
        self._thread = Thread(target=self._prepare, name="ingest", daemon=True)
        self._thread.start()

    def ready(self) -> Assistant:
        """Return the assistant.

        Raises:
            Problem: 503 until the index is ready.
        """
        if self.unready_reason:
            raise Problem(503, self.unready_reason, headers={"Retry-After": "5"})
        return self._assistant

    def close(self) -> None:
        """Stop ingestion, which the next start resumes, and close the store.

        It waits for the document being ingested: a thread inside ONNX Runtime must not outlive
        the interpreter.
        """
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self.store.close()

    def _prepare(self) -> None:
        try:
            if self._settings.ingest_on_start:
                self._record(self._ingest())
            self._metrics.documents.set(len(self.store.manifest()))
        except _ShutdownError:
            logger.info("ingestion interrupted")
        except UserError as error:
            self.unready_reason = f"The index could not be updated: {error}"
            logger.error("ingestion failed", extra={"facts": {"reason": str(error)}})  # noqa: TRY400 - a traceback adds nothing
        except Exception:
            self.unready_reason = "The index could not be updated; the log says why."
            logger.exception("ingestion failed")
        else:
            self.unready_reason = None

    def _ingest(self) -> IngestResult:
        config = IngestConfig.from_settings(self._settings, self.embedder.name)
        sources = scan(self._settings.documents_dir, config)
        return ingest(sources, self.store, encode_locally(config, self.embedder), self._progress)

    def _progress(self, number: int, total: int, result: EncodingResult) -> None:
        self.unready_reason = f"The index is being updated: {number} of {total} documents."
        if result.problem:
            facts = {"document": result.source.id, "reason": result.problem}
            logger.warning("could not read a document", extra={"facts": facts})
        if self._stopping.is_set():
            raise _ShutdownError

    def _record(self, result: IngestResult) -> None:
        self._metrics.problems.set(len(result.problems))
        facts = {
            "indexed": result.indexed,
            "unchanged": result.unchanged,
            "deleted": result.deleted,
            "unreadable": len(result.problems),
        }
        logger.info("index up to date", extra={"facts": facts})
