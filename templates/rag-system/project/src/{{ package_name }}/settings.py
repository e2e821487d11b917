"""All settings of this project in one place; the README explains them."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from .defaults import ANSWERER, RERANKER, STORE, AnswererName, RerankerName, StoreName
from .web.settings import ServiceSettings

ChunkerName = Literal["structure", "recursive", "window"]


class Settings(ServiceSettings):
    """This project's settings, on top of those that every service has."""

    model_config = SettingsConfigDict(protected_namespaces=())

    documents_dir: Path = Field(Path("corpus"), description="Folder of documents")
    state_dir: Path = Field(Path("var"), description="Folder for the embedded index and feedback")
    ingest_on_start: bool = Field(True, description="Update the index when the service starts")
    chunker: ChunkerName = Field("structure", description="How documents are split into chunks")
    chunk_words: int = Field(110, ge=20, le=180, description="Maximum words in a chunk")

    store: StoreName = Field(STORE, description="Vector store")
    qdrant_url: str = Field("http://127.0.0.1:6333", description="URL of the Qdrant server")
    qdrant_key: SecretStr = Field(SecretStr(""), description="API key of the Qdrant server")
    qdrant_shards: int = Field(2, gt=0, description="Shards of the collection on a Qdrant cluster")
    qdrant_replicas: int = Field(1, gt=0, description="Copies of each shard")
    postgres_url: SecretStr = Field(
        SecretStr("postgresql://rag@127.0.0.1:5432/rag"),
        description="URL of the PostgreSQL database with pgvector",
    )
    collection: str = Field(
        "documents", pattern=r"^[a-z][a-z0-9_]{0,40}$", description="Collection or table prefix"
    )

    embedding_url: str = Field(
        "", description="OpenAI-compatible endpoint for embeddings; empty for the built-in model"
    )
    embedding_model: str = Field("text-embedding-3-small", description="Model at that endpoint")
    embedding_dimensions: int = Field(1536, gt=0, description="Dimensions of its vectors")

    answerer: AnswererName = Field(ANSWERER, description="What writes the answers")
    llm_url: str = Field(
        "http://127.0.0.1:11434/v1", description="OpenAI-compatible endpoint (Ollama, vLLM, hosted)"
    )
    llm_model: str = Field("llama3.2", description="Model at that endpoint")
    llm_key: SecretStr = Field(SecretStr("none"), description="API key of that endpoint")
    llm_seconds: float = Field(60, gt=0, description="Timeout of one call, in seconds")
    llm_retries: int = Field(2, ge=0, description="Retries after a failed call")
    llm_max_tokens: int = Field(400, gt=0, description="Maximum tokens of an answer")
    llm_input_price: float = Field(0, ge=0, description="Price per million input tokens")
    llm_output_price: float = Field(0, ge=0, description="Price per million output tokens")

    reranker: RerankerName = Field(RERANKER, description="Model that reorders the best passages")
    passages: int = Field(5, gt=0, le=20, description="Passages that an answer is written from")
    min_confidence: float | None = Field(
        None, ge=0, le=1, description="Abstain below this; unset for the tuned threshold"
    )
    redact_pii: bool = Field(False, description="Redact personal data in questions and answers")
    max_question_chars: int = Field(1000, gt=0, description="Maximum characters of a question")
    cache_entries: int = Field(1000, ge=0, description="Answers to cache; 0 for none")
    cache_similarity: float = Field(
        0.97, ge=0, le=1, description="Similarity at which questions share an answer; 1 for equal"
    )

    request_seconds: float = Field(120, gt=0, description="Timeout of a request, in seconds")
    public_labels: tuple[str, ...] = Field(
        ("public",), description="Labels that every caller has (a JSON list)"
    )
    key_labels: dict[SecretStr, tuple[str, ...]] = Field(
        {}, description="API keys with further labels (a JSON object)"
    )
    otlp_url: str = Field("", description="Endpoint for OpenTelemetry traces; empty for none")

    def accepted_keys(self) -> tuple[str, ...]:
        """Return the keys that clients may use; empty if no key is needed.

        Raises:
            SettingsError: A key is needed, but none is set.
        """
        if self.auth == "none":
            return ()
        labelled = tuple(key.get_secret_value() for key in self.key_labels)
        if labelled and not self.api_keys:
            return labelled
        return (*labelled, *super().accepted_keys())

    def index_path(self) -> Path:
        """The file of the embedded index."""
        return self.state_dir / "index.db"
