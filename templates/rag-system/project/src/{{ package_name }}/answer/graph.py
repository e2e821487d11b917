"""The workflow from question to answer, as a LangGraph graph.

screen -> contextualize -> check_cache -> retrieve -> generate -> END
   |                            |             |
   +-> END (refused)            +-> END       +-> abstain -> END
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from numpy.typing import NDArray
from typing_extensions import TypedDict

from .. import prompts
from ..cache import AnswerCache, CachePartition
from ..guard.injection import suspicious
from ..guard.pii import redact
from ..records import Answer, Citation, Hit, Outcome, Scope, Sentence, Turn, Usage
from ..retrieve.query import complete_follow_up
from ..retrieve.search import Retriever
from ..tracing import step
from .base import Answerer
from .verify import Verifier


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A question, the conversation so far, and what the caller may see."""

    question: str
    scope: Scope
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamedSentence:
    """A verified sentence, and the citations that support it."""

    sentence: Sentence
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class AssistantConfig:
    """How an assistant answers.

    Attributes:
        passages: The number of passages that an answer is written from.
        min_confidence: Abstain below this confidence.
        redact_pii: Whether to redact personal data.
    """

    passages: int
    min_confidence: float
    redact_pii: bool = False


class _State(TypedDict, total=False):
    request: AskRequest
    history: tuple[Turn, ...]
    usage: "_UsageTotal"
    question: str
    vector: NDArray[np.float32]
    hits: Sequence[Hit]
    confidence: float
    dropped: tuple[str, ...]
    answer: Answer


@dataclass(slots=True)
class _UsageTotal:
    """The usage of all language model calls for one question."""

    total: Usage = field(default_factory=Usage)

    def add(self, usage: Usage) -> None:
        self.total = Usage(
            usage.model,
            self.total.input_tokens + usage.input_tokens,
            self.total.output_tokens + usage.output_tokens,
            self.total.cost + usage.cost,
        )


class Assistant:
    """Answers questions.

    Args:
        retriever: Finds passages.
        answerer: Writes answers from them.
        cache: Stores answers for reuse.
        config: How to answer.
    """

    def __init__(
        self, retriever: Retriever, answerer: Answerer, cache: AnswerCache, config: AssistantConfig
    ) -> None:
        self.retriever = retriever
        self._answerer = answerer
        self._cache = cache
        self._config = config
        self._graph = self._build_graph()

    def stream(self, request: AskRequest) -> Iterator[StreamedSentence | Answer]:
        """Answer a question sentence by sentence.

        Yields:
            Each sentence as soon as it is verified, then the whole answer.

        Raises:
            ModelError: The language model did not answer.
        """
        state: _State = {"request": request, "usage": _UsageTotal()}
        for mode, event in self._graph.stream(state, stream_mode=["custom", "values"]):
            if mode == "custom":
                yield event
            else:
                state = event
        yield state["answer"]

    def answer(self, request: AskRequest) -> Answer:
        """Answer a question.

        Raises:
            ModelError: The language model did not answer.
        """
        *_, last = self.stream(request)
        assert isinstance(last, Answer)  # noqa: S101 - a stream ends with the answer
        return last

    def _build_graph(self) -> Any:
        graph = StateGraph(_State)
        graph.add_node("screen", self._screen)
        graph.add_node("contextualize", self._contextualize)
        graph.add_node("check_cache", self._check_cache)
        graph.add_node("retrieve", self._retrieve)
        graph.add_node("generate", self._generate)
        graph.add_node("abstain", self._abstain)
        graph.add_edge(START, "screen")
        graph.add_conditional_edges(
            "screen", _unless_answered, {"continue": "contextualize", "end": END}
        )
        graph.add_edge("contextualize", "check_cache")
        graph.add_conditional_edges(
            "check_cache", _unless_answered, {"continue": "retrieve", "end": END}
        )
        graph.add_conditional_edges("retrieve", self._check_evidence, ["generate", "abstain"])
        graph.add_conditional_edges(
            "generate", _unless_answered, {"continue": "abstain", "end": END}
        )
        graph.add_edge("abstain", END)
        return graph.compile()

    def _screen(self, state: _State) -> _State:
        """Refuse prompt injection; redact personal data if configured.

        The history comes from the caller, too, so suspicious turns are dropped.
        """
        request = state["request"]
        if suspicious(request.question):
            return {"answer": _notice("refused", prompts.REFUSE, request.question)}
        clean = redact if self._config.redact_pii else str
        history = tuple(
            Turn(clean(turn.question), clean(turn.answer))
            for turn in request.history
            if not suspicious(f"{turn.question}\n{turn.answer}")
        )
        return {"question": clean(request.question), "history": history}

    def _contextualize(self, state: _State) -> _State:
        """Turn a follow-up question into a standalone one."""
        question, history = state["question"], state["history"]
        completed = complete_follow_up(question, history)
        if completed == question:
            return {}
        with step("rewrite"):
            conversation = "\n".join(f"Question: {t.question}\nAnswer: {t.answer}" for t in history)
            rewritten = self._answerer.rewrite(question, conversation, state["usage"].add)
        # If the answerer could not rewrite it, the rule-based completion is used.
        return {"question": completed if rewritten == question else rewritten}

    def _check_cache(self, state: _State) -> _State:
        """Look the question up in the cache."""
        vector = self.retriever.embed([state["question"]])[0]
        cached = self._cache.get(self._partition(state), state["question"], vector)
        if cached is None:
            return {"vector": vector}
        _emit(cached.sentences, cached.citations)
        return {"answer": replace(cached, usage=state["usage"].total)}

    def _retrieve(self, state: _State) -> _State:
        """Find passages for each part of the question."""
        questions = self._decompose(state)
        scope = state["request"].scope
        found = self.retriever.retrieve(questions, scope, self._config.passages)
        return {"hits": found.hits, "confidence": found.confidence}

    def _decompose(self, state: _State) -> list[str]:
        """Return the questions to search for."""
        with step("decompose") as span:
            questions = self._answerer.decompose(state["question"], state["usage"].add)
            span.set_attribute("retrieval.questions", len(questions))
        return questions

    def _check_evidence(self, state: _State) -> Literal["generate", "abstain"]:
        """Decide whether the passages are likely to contain an answer."""
        enough = state["confidence"] >= self._config.min_confidence
        return "generate" if enough and state["hits"] else "abstain"

    def _generate(self, state: _State) -> _State:
        """Write the answer, and keep the sentences that the passages support."""
        hits, usage = state["hits"], state["usage"]
        verifier = Verifier(hits)
        sentences = []
        with step("answer"):
            drafts = self._answerer.draft(state["question"], hits, usage.add)
            for supported in verifier.supported(drafts):
                sentence = self._redact_sentence(supported)
                sentences.append(sentence)
                _emit([sentence], verifier.citations)
        dropped = tuple(verifier.dropped)
        if not sentences:
            return {"dropped": dropped}
        answer = Answer(
            "answered",
            tuple(sentences),
            tuple(map(self._redact_citation, verifier.citations)),
            state["question"],
            state["confidence"],
            dropped,
            usage.total,
        )
        self._cache_answer(state, answer)
        return {"answer": answer}

    def _abstain(self, state: _State) -> _State:
        """Say that there is no answer."""
        notice = _notice("abstained", prompts.ABSTAIN, state["question"])
        answer = replace(
            notice,
            confidence=state["confidence"],
            dropped=state.get("dropped", ()),
            usage=state["usage"].total,
        )
        self._cache_answer(state, answer)
        return {"answer": answer}

    def _cache_answer(self, state: _State, answer: Answer) -> None:
        self._cache.put(self._partition(state), state["question"], state["vector"], answer)

    def _partition(self, state: _State) -> CachePartition:
        generation = self.retriever.store.generation()
        return CachePartition(state["request"].scope, generation, self._answerer.name)

    def _redact_sentence(self, sentence: Sentence) -> Sentence:
        if not self._config.redact_pii:
            return sentence
        return replace(sentence, text=redact(sentence.text))

    def _redact_citation(self, citation: Citation) -> Citation:
        if not self._config.redact_pii:
            return citation
        return replace(citation, quote=redact(citation.quote))


def _unless_answered(state: _State) -> Literal["continue", "end"]:
    return "end" if "answer" in state else "continue"


def _notice(outcome: Outcome, text: str, question: str) -> Answer:
    sentence = Sentence(text)
    _emit([sentence], ())
    return Answer(outcome, (sentence,), (), question)


def _emit(sentences: Sequence[Sentence], citations: Sequence[Citation]) -> None:
    """Stream sentences, each with its own citations."""
    write = get_stream_writer()
    for sentence in sentences:
        own = tuple(each for each in citations if each.number in sentence.citations)
        write(StreamedSentence(sentence, own))
