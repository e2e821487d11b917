"""Makes the parts that the settings name, and puts them together."""

from .answer.base import Answerer
from .answer.extractive import Extractive
from .answer.graph import Assistant, Rules
from .cache import AnswerCache
from .index.base import Store
from .index.opening import open_store
from .retrieve.search import Retriever
from .retrieve.tuned import load as load_tuned
from .settings import Settings
from .text.embed import Embedder, Endpoint, MiniLM
from .text.rerank import CrossEncoder, Reranker


def open_embedder(settings: Settings) -> Embedder:
    """The embedding model.

    Raises:
        UserError: Its weights are missing or not those that were tested.
    """
    return Endpoint(settings) if settings.embedding_url else MiniLM()


def open_store_for(settings: Settings, embedder: Embedder) -> Store:
    """The store for the vectors of an embedder.

    Raises:
        UserError: It can't be used.
    """
    return open_store(settings, embedder.dimensions)


def open_answerer(settings: Settings, embedder: Embedder) -> Answerer:
    """Who writes the answers.

    Raises:
        UserError: It can't be used.
    """
    if settings.answerer == "openai-compatible":
        from .answer.chat import Chat  # noqa: PLC0415 - heavy

        return Chat(settings)
    return Extractive(embedder)


def open_reranker(settings: Settings) -> Reranker | None:
    """The second model that reads what was found, if there is to be one.

    Raises:
        UserError: Its weights are missing or not those that were tested.
    """
    return CrossEncoder() if settings.reranker == "cross-encoder" else None


def assemble(settings: Settings, store: Store, embedder: Embedder) -> Assistant:
    """All that it takes to answer questions.

    Raises:
        UserError: A part can't be used.
    """
    tuned = load_tuned()
    retriever = Retriever(store, embedder, tuned, open_reranker(settings))
    least = tuned.threshold if settings.min_confidence is None else settings.min_confidence
    return Assistant(
        retriever,
        open_answerer(settings, embedder),
        AnswerCache(settings.cache_entries, settings.cache_similarity),
        Rules(settings.passages, least, settings.redact_pii),
    )
