"""The way from a question to an answer, as a graph of steps (LangGraph).

screen -> understand -> recall -> retrieve -> compose -> END
   |                      |          |
   +-> END (refused)      +-> END    +-> abstain -> END
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
from ..cache import AnswerCache, Shelf
from ..guard.injection import suspicious
from ..guard.pii import redact
from ..records import Answer, Citation, Hit, Outcome, Scope, Sentence, Turn, Usage
from ..retrieve.query import complete
from ..retrieve.search import Retriever
from ..steps import step
from .base import Answerer
from .verify import Verifier


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, what was said before, and what the asker may see."""

    question: str
    scope: Scope
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence that has passed all checks, and the citations that are new with it."""

    sentence: Sentence
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an assistant keeps to.

    Attributes:
        passages: How many of them an answer is made from.
        min_confidence: Below it, the answer is that there is none.
        redact_pii: Whether personal data are blanked out.
    """

    passages: int
    min_confidence: float
    redact_pii: bool = False


class _State(TypedDict, total=False):
    ask: Ask
    history: tuple[Turn, ...]
    spent: "_Spent"
    question: str
    vector: NDArray[np.float32]
    hits: Sequence[Hit]
    confidence: float
    dropped: tuple[str, ...]
    answer: Answer


@dataclass(slots=True)
class _Spent:
    """What the language model was given and gave on the way."""

    usage: Usage = field(default_factory=Usage)

    def add(self, more: Usage) -> None:
        self.usage = Usage(
            more.model,
            self.usage.input_tokens + more.input_tokens,
            self.usage.output_tokens + more.output_tokens,
            self.usage.cost + more.cost,
        )


class Assistant:
    """Answers questions.

    Args:
        retriever: Finds passages.
        answerer: Writes answers from them.
        cache: Of answers.
        rules: What to keep to.
    """

    def __init__(
        self, retriever: Retriever, answerer: Answerer, cache: AnswerCache, rules: Rules
    ) -> None:
        self.retriever = retriever
        self._answerer = answerer
        self._cache = cache
        self._rules = rules
        self._graph = self._compiled()

    def ask(self, ask: Ask) -> Iterator[Said | Answer]:
        """Answer a question.

        Yields:
            Each sentence as soon as it has been checked; at the end the whole answer.

        Raises:
            ModelError: The language model did not answer.
        """
        state: _State = {"ask": ask, "spent": _Spent()}
        for mode, event in self._graph.stream(state, stream_mode=["custom", "values"]):
            if mode == "custom":
                yield event
            else:
                state = event
        yield state["answer"]

    def answer(self, ask: Ask) -> Answer:
        """Answer a question, all at once.

        Raises:
            ModelError: The language model did not answer.
        """
        *_, last = self.ask(ask)
        assert isinstance(last, Answer)  # noqa: S101 - that is what comes last
        return last

    def _compiled(self) -> Any:
        graph = StateGraph(_State)
        for node in (self._screen, self._understand, self._recall, self._retrieve):
            graph.add_node(node.__name__.strip("_"), node)
        graph.add_node("compose", self._compose)
        graph.add_node("abstain", self._abstain)
        graph.add_edge(START, "screen")
        graph.add_conditional_edges("screen", _unless_answered, {"on": "understand", "end": END})
        graph.add_edge("understand", "recall")
        graph.add_conditional_edges("recall", _unless_answered, {"on": "retrieve", "end": END})
        graph.add_conditional_edges("retrieve", self._weigh, ["compose", "abstain"])
        graph.add_conditional_edges("compose", _unless_answered, {"on": "abstain", "end": END})
        graph.add_edge("abstain", END)
        return graph.compile()

    def _screen(self, state: _State) -> _State:
        """Refuse what gives orders; blank out personal data if asked to.

        What was said before comes from the caller as well: turns that give orders are forgotten.
        """
        asked = state["ask"]
        if suspicious(asked.question):
            return {"answer": _told("refused", prompts.REFUSE, asked.question)}
        clean = redact if self._rules.redact_pii else str
        history = tuple(
            Turn(clean(turn.question), clean(turn.answer))
            for turn in asked.history
            if not suspicious(f"{turn.question}\n{turn.answer}")
        )
        return {"question": clean(asked.question), "history": history}

    def _understand(self, state: _State) -> _State:
        """Make a follow-up question one that stands by itself."""
        question, history = state["question"], state["history"]
        completed = complete(question, history)
        if completed == question:
            return {}
        with step("rewrite"):
            talk = "\n".join(f"Question: {t.question}\nAnswer: {t.answer}" for t in history)
            rewritten = self._answerer.rewrite(question, talk, state["spent"].add)
        # Whoever rewrites may fail to; then the rule has done it.
        return {"question": completed if rewritten == question else rewritten}

    def _recall(self, state: _State) -> _State:
        """Look whether the question has been answered before."""
        vector = self.retriever.embed([state["question"]])[0]
        found = self._cache.get(self._shelf(state), state["question"], vector)
        if found is None:
            return {"vector": vector}
        _write(found.sentences, found.citations)
        return {"answer": replace(found, usage=state["spent"].usage)}

    def _retrieve(self, state: _State) -> _State:
        """Find passages for each part of the question."""
        asked = self._taken_apart(state)
        found = self.retriever.retrieve(asked, state["ask"].scope, self._rules.passages)
        return {"hits": found.hits, "confidence": found.confidence}

    def _taken_apart(self, state: _State) -> list[str]:
        """The questions to search for, one by one."""
        with step("decompose") as span:
            asked = self._answerer.parts(state["question"], state["spent"].add)
            span.set_attribute("retrieval.questions", len(asked))
        return asked

    def _weigh(self, state: _State) -> Literal["compose", "abstain"]:
        """Whether the evidence will do."""
        enough = state["confidence"] >= self._rules.min_confidence
        return "compose" if enough and state["hits"] else "abstain"

    def _compose(self, state: _State) -> _State:
        """Write the answer, and let pass what the passages bear out."""
        hits, spent = state["hits"], state["spent"]
        verifier = Verifier(hits)
        sentences = []
        with step("answer"):
            for sentence in verifier.passed(
                self._answerer.draft(state["question"], hits, spent.add)
            ):
                shown = self._shown(sentence)
                sentences.append(shown)
                _write([shown], verifier.citations)
        dropped = tuple(verifier.dropped)
        if not sentences:
            return {"dropped": dropped}
        answer = Answer(
            "answered",
            tuple(sentences),
            tuple(map(self._cited, verifier.citations)),
            state["question"],
            state["confidence"],
            dropped,
            spent.usage,
        )
        self._keep(state, answer)
        return {"answer": answer}

    def _abstain(self, state: _State) -> _State:
        """Say that there is no answer."""
        told = _told("abstained", prompts.ABSTAIN, state["question"])
        answer = replace(
            told,
            confidence=state["confidence"],
            dropped=state.get("dropped", ()),
            usage=state["spent"].usage,
        )
        self._keep(state, answer)
        return {"answer": answer}

    def _keep(self, state: _State, answer: Answer) -> None:
        self._cache.put(self._shelf(state), state["question"], state["vector"], answer)

    def _shelf(self, state: _State) -> Shelf:
        generation = self.retriever.store.generation()
        return Shelf(state["ask"].scope, generation, self._answerer.name)

    def _shown(self, sentence: Sentence) -> Sentence:
        if not self._rules.redact_pii:
            return sentence
        return replace(sentence, text=redact(sentence.text))

    def _cited(self, citation: Citation) -> Citation:
        if not self._rules.redact_pii:
            return citation
        return replace(citation, quote=redact(citation.quote))


def _unless_answered(state: _State) -> Literal["on", "end"]:
    return "end" if "answer" in state else "on"


def _told(outcome: Outcome, text: str, question: str) -> Answer:
    sentence = Sentence(text)
    _write([sentence], ())
    return Answer(outcome, (sentence,), (), question)


def _write(sentences: Sequence[Sentence], citations: Sequence[Citation]) -> None:
    """Stream sentences, each with the citations that it has."""
    write = get_stream_writer()
    for sentence in sentences:
        own = tuple(each for each in citations if each.number in sentence.citations)
        write(Said(sentence, own))
