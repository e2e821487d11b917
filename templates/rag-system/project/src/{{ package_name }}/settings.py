"""All settings of this project, in one place; README lists what they do."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from .defaults import ANSWERER, RERANKER, STORE, AnswererName, RerankerName, StoreName
from .web.settings import ServiceSettings

ChunkerName = Literal["structure", "recursive", "window"]


class Settings(ServiceSettings):
    """What this project adds to the settings of every service."""

    model_config = SettingsConfigDict(protected_namespaces=())

    documents_dir: Path = Field(Path("corpus"), description="The folder of documents")
    state_dir: Path = Field(Path("var"), description="Where the embedded index and feedback live")
    ingest_on_start: bool = Field(
        True, description="Bring the index up to date when the service starts"
    )
    chunker: ChunkerName = Field("structure", description="How documents are cut")
    chunk_words: int = Field(110, ge=20, le=180, description="Most words of a chunk")

    store: StoreName = Field(STORE, description="Where the vectors are kept")
    qdrant_url: str = Field("http://127.0.0.1:6333", description="Of the Qdrant server")
    qdrant_key: SecretStr = Field(SecretStr(""), description="API key of the Qdrant server")
    qdrant_shards: int = Field(2, gt=0, description="Parts of the collection on a Qdrant cluster")
    qdrant_replicas: int = Field(1, gt=0, description="Copies of each part")
    postgres_url: SecretStr = Field(
        SecretStr("postgresql://rag@127.0.0.1:5432/rag"), description="Of PostgreSQL with pgvector"
    )
    collection: str = Field(
        "documents", pattern=r"^[a-z][a-z0-9_]{0,40}$", description="Collection or table prefix"
    )

    embedding_url: str = Field(
        "", description="OpenAI-compatible endpoint for embeddings; empty for the model in here"
    )
    embedding_model: str = Field("text-embedding-3-small", description="Its model")
    embedding_dimensions: int = Field(1536, gt=0, description="Length of its vectors")

    answerer: AnswererName = Field(ANSWERER, description="Who writes the answers")
    llm_url: str = Field(
        "http://127.0.0.1:11434/v1", description="OpenAI-compatible endpoint (Ollama, vLLM, hosted)"
    )
    llm_model: str = Field("llama3.2", description="Its model")
    llm_key: SecretStr = Field(SecretStr("none"), description="Its API key")
    llm_seconds: float = Field(60, gt=0, description="Time for one call")
    llm_retries: int = Field(2, ge=0, description="Further attempts after a failed call")
    llm_max_tokens: int = Field(400, gt=0, description="Longest answer")
    llm_input_price: float = Field(0, ge=0, description="Per million tokens, for the accounts")
    llm_output_price: float = Field(0, ge=0, description="Per million tokens, for the accounts")

    reranker: RerankerName = Field(RERANKER, description="Second model that reads what was found")
    passages: int = Field(5, gt=0, le=20, description="Passages that an answer is made from")
    min_confidence: float | None = Field(
        None, ge=0, le=1, description="Abstain below this; unset for the tuned threshold"
    )
    redact_pii: bool = Field(False, description="Blank out personal data in questions and answers")
    max_question_chars: int = Field(1000, gt=0, description="Longest question")
    cache_entries: int = Field(1000, ge=0, description="Answers kept to be given again; 0 for none")
    cache_similarity: float = Field(
        0.97, ge=0, le=1, description="How alike questions must be to share an answer; 1 for equal"
    )

    request_seconds: float = Field(120, gt=0, description="Time for one request")
    public_labels: tuple[str, ...] = Field(
        ("public",), description="What every caller may see (a JSON list)"
    )
    key_labels: dict[SecretStr, tuple[str, ...]] = Field(
        {}, description="Keys that may see more, and what (a JSON object)"
    )
    otlp_url: str = Field("", description="Where OpenTelemetry traces go; empty for nowhere")

    def accepted_keys(self) -> tuple[str, ...]:
        """The keys that let a caller in; empty if none is needed.

        Raises:
            SettingsError: A key is needed, but there is none.
        """
        if self.auth == "none":
            return ()
        more = tuple(key.get_secret_value() for key in self.key_labels)
        return (*more, *(() if more and not self.api_keys else super().accepted_keys()))

    def index_path(self) -> Path:
        """The file of the embedded index."""
        return self.state_dir / "index.db"
