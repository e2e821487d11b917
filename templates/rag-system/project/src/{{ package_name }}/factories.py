"""Creates the components that the settings select, and wires them together."""

from .answer.base import Answerer
from .answer.extractive import Extractive
from .answer.graph import Assistant, AssistantConfig
from .cache import AnswerCache
from .index.base import Store
from .index.factory import open_store
from .retrieve.search import Retriever
from .retrieve.tuned import load as load_tuned
from .settings import Settings
from .text.embed import Embedder, EmbeddingEndpoint, MiniLM
from .text.rerank import CrossEncoder, Reranker


def open_embedder(settings: Settings) -> Embedder:
    """Open the embedding model.

    Raises:
        UserError: Its weights are missing or are not the tested ones.
    """
    return EmbeddingEndpoint(settings) if settings.embedding_url else MiniLM()


def open_store_for(settings: Settings, embedder: Embedder) -> Store:
    """Open the store that the settings select, for vectors of this embedder.

    Raises:
        UserError: The store can't be used.
    """
    return open_store(settings, embedder.dimensions)


def open_answerer(settings: Settings, embedder: Embedder) -> Answerer:
    """Create the answerer that the settings select.

    Raises:
        UserError: It can't be used.
    """
    if settings.answerer == "openai-compatible":
        from .answer.chat import Chat  # noqa: PLC0415 - heavy

        return Chat(settings)
    return Extractive(embedder)


def open_reranker(settings: Settings) -> Reranker | None:
    """Load the cross-encoder if the settings ask for one.

    Raises:
        UserError: Its weights are missing or are not the tested ones.
    """
    return CrossEncoder() if settings.reranker == "cross-encoder" else None


def build_assistant(settings: Settings, store: Store, embedder: Embedder) -> Assistant:
    """Wire up everything needed to answer questions.

    Raises:
        UserError: A component can't be used.
    """
    tuned = load_tuned()
    retriever = Retriever(store, embedder, tuned, open_reranker(settings))
    threshold = tuned.threshold if settings.min_confidence is None else settings.min_confidence
    return Assistant(
        retriever,
        open_answerer(settings, embedder),
        AnswerCache(settings.cache_entries, settings.cache_similarity),
        AssistantConfig(settings.passages, threshold, settings.redact_pii),
    )
