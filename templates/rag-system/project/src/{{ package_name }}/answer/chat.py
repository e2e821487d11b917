"""Answers written by a language model behind any OpenAI-compatible endpoint, using LangChain."""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .. import prompts
from ..guard.injection import neutralise, suspicious
from ..records import Hit, Usage, UserError
from ..retrieve.query import MAX_PARTS, may_need_decomposing, split_question
from ..settings import Settings
from ..text.sentences import spans
from ..text.sparse import words
from ..tracing import step
from .base import Draft, UsageCallback

if TYPE_CHECKING:
    from langchain.chat_models import BaseChatModel

_CITATION = re.compile(r"\s*\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
_LIST_MARKER = re.compile(r"^\s*(?:[-*\u2022]|\d{1,2}[.)])\s+")
_PER_MILLION = 1_000_000


class ModelError(Exception):
    """The language model did not answer; the message says why."""


class Chat:
    """A language model that gets passages and is asked to cite them.

    Args:
        settings: The model's endpoint, name, key and limits.

    Raises:
        UserError: The client library is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model = _connect(settings)
        self.name = f"{settings.llm_model}@{settings.llm_url}/{prompts.VERSION}"

    def draft(
        self, question: str, passages: Sequence[Hit], on_usage: UsageCallback
    ) -> Iterator[Draft]:
        """Yield the sentences of the model's answer, each as soon as it is complete.

        Raises:
            ModelError: The model can't be reached, or returns an error.
        """
        mark = f"#{secrets.token_hex(4)}"  # random, so no document can imitate it
        quoted = "\n".join(
            prompts.PASSAGE.format(
                mark=mark, number=number, title=hit.title, text=neutralise(hit.chunk.text)
            )
            for number, hit in enumerate(passages, 1)
        )
        messages = [
            ("system", prompts.SYSTEM.format(mark=mark)),
            ("user", prompts.QUESTION.format(passages=quoted, question=question)),
        ]
        for sentence in _sentences(self._stream(messages, on_usage)):
            if prompts.NO_ANSWER in sentence.upper():
                return
            cited = [
                int(number) - 1
                for numbers in _CITATION.findall(sentence)
                for number in numbers.split(",")
            ]
            text = _CITATION.sub("", sentence).strip()
            if text:
                valid = tuple(each for each in dict.fromkeys(cited) if 0 <= each < len(passages))
                yield Draft(text, valid)

    def rewrite(self, question: str, history: str, on_usage: UsageCallback) -> str:
        """Rewrite a follow-up question as a standalone one.

        Raises:
            ModelError: The model can't be reached, or returns an error.
        """
        prompt = prompts.REWRITE.format(history=history, question=question)
        answer = "".join(self._stream([("user", prompt)], on_usage)).strip()
        line = answer.partition("\n")[0].strip().strip('"')
        return line if 0 < len(line) <= self._settings.max_question_chars else question

    def decompose(self, question: str, on_usage: UsageCallback) -> list[str]:
        """Split a question into sub-questions if it may need several searches.

        A sub-question that shares no word with the question is dropped: the model made it up.

        Raises:
            ModelError: The model can't be reached, or returns an error.
        """
        if not may_need_decomposing(question):
            return [question]
        prompt = prompts.DECOMPOSE.format(question=question, most=MAX_PARTS)
        reply = self.complete(prompt, on_usage)
        lines = (_LIST_MARKER.sub("", line).strip() for line in reply.splitlines())
        asked = set(words(question))
        found = [
            line
            for line in dict.fromkeys(lines)
            if len(line) <= self._settings.max_question_chars
            and asked & set(words(line))
            and not suspicious(line)
        ]
        if len(found) < 2:  # noqa: PLR2004 - nothing was split
            return split_question(question)
        # The original is searched for, too: the sub-questions may have lost something.
        return [question, *found[:MAX_PARTS]]

    def complete(
        self, prompt: str, on_usage: UsageCallback, schema: dict[str, Any] | None = None
    ) -> str:
        """Return the model's reply to a prompt.

        Args:
            prompt: The prompt.
            on_usage: Called with the usage.
            schema: A JSON schema that the server should hold the model to.

        Raises:
            ModelError: The model can't be reached, or returns an error.
        """
        json_schema = {"name": "reply", "strict": True, "schema": schema}
        options = {"response_format": {"type": "json_schema", "json_schema": json_schema}}
        return "".join(self._stream([("user", prompt)], on_usage, options if schema else {}))

    def _stream(
        self,
        messages: list[tuple[str, str]],
        on_usage: UsageCallback,
        options: dict[str, Any] | None = None,
    ) -> Iterator[str]:
        from openai import OpenAIError  # noqa: PLC0415 - heavy

        model = self._settings.llm_model
        with step(
            "chat",
            gen_ai__operation__name="chat",
            gen_ai__provider__name="openai",
            gen_ai__request__model=model,
            gen_ai__request__max_tokens=self._settings.llm_max_tokens,
        ) as span:
            usage = Usage(model)
            try:
                for piece in self._model.stream(messages, **(options or {})):
                    if piece.usage_metadata:
                        usage = self._usage(piece.usage_metadata)
                    yield str(piece.text)
            except OpenAIError as error:
                raise ModelError(f"The language model did not answer: {error}") from error
            finally:
                span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
                span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
                on_usage(usage)

    def _usage(self, counts: Any) -> Usage:
        read, written = counts["input_tokens"], counts["output_tokens"]
        settings = self._settings
        cost = read * settings.llm_input_price + written * settings.llm_output_price
        return Usage(settings.llm_model, read, written, cost / _PER_MILLION)


def _connect(settings: Settings) -> "BaseChatModel":
    try:
        import langchain_openai  # noqa: F401, PLC0415 - an extra; checked here for a clear error
    except ImportError as error:
        raise UserError(
            "APP_ANSWERER=openai-compatible needs langchain-openai, which is not installed. "
            "Install the extra `chat`."
        ) from error
    from langchain.chat_models import init_chat_model  # noqa: PLC0415 - heavy

    return init_chat_model(
        settings.llm_model,
        model_provider="openai",
        base_url=settings.llm_url,
        api_key=settings.llm_key,
        temperature=0,
        max_tokens=settings.llm_max_tokens,
        timeout=settings.llm_seconds,
        max_retries=settings.llm_retries,
        stream_usage=True,
    )


def _sentences(pieces: Iterable[str]) -> Iterator[str]:
    """Regroup streamed text into whole sentences."""
    text = ""
    for piece in pieces:
        text += piece
        found = spans(text)
        # The last sentence may still be incomplete, so it is held back.
        for start, end in found[:-1]:
            yield text[start:end]
        if len(found) > 1:
            text = text[found[-1][0] :]
    for start, end in spans(text):
        yield text[start:end]
