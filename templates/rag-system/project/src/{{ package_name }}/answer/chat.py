"""Answers written by a language model behind any OpenAI-compatible endpoint, through LangChain."""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .. import prompts
from ..guard.injection import neutralise, suspicious
from ..records import Hit, Usage, UserError
from ..retrieve.query import MOST_PARTS, may_be_several, parts
from ..settings import Settings
from ..steps import step
from ..text.sentences import spans
from ..text.sparse import words
from .base import Draft, Spend

if TYPE_CHECKING:
    from langchain.chat_models import BaseChatModel

_CITED = re.compile(r"\s*\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
_LISTED = re.compile(r"^\s*(?:[-*\u2022]|\d{1,2}[.)])\s+")
_PER_MILLION = 1_000_000


class ModelError(Exception):
    """The language model did not answer; the message says why."""


class Chat:
    """A language model that is given passages and asked to cite them.

    Args:
        settings: Its address, name, key and limits.

    Raises:
        UserError: The client is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model = _connect(settings)
        self.name = f"{settings.llm_model}@{settings.llm_url}/{prompts.VERSION}"

    def draft(self, question: str, passages: Sequence[Hit], spend: Spend) -> Iterator[Draft]:
        """The sentences of the model's answer, each as soon as it is complete.

        Raises:
            ModelError: The model can't be reached, or refuses.
        """
        mark = f"#{secrets.token_hex(4)}"  # nobody who wrote a document can know it
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
        for sentence in _sentences(self._stream(messages, spend)):
            if prompts.NO_ANSWER in sentence.upper():
                return
            cited = [
                int(each) - 1 for found in _CITED.findall(sentence) for each in found.split(",")
            ]
            text = _CITED.sub("", sentence).strip()
            if text:
                known = tuple(each for each in dict.fromkeys(cited) if 0 <= each < len(passages))
                yield Draft(text, known)

    def rewrite(self, question: str, history: str, spend: Spend) -> str:
        """A follow-up question as one that stands by itself.

        Raises:
            ModelError: The model can't be reached, or refuses.
        """
        prompt = prompts.REWRITE.format(history=history, question=question)
        answer = "".join(self._stream([("user", prompt)], spend)).strip()
        line = answer.partition("\n")[0].strip().strip('"')
        return line if 0 < len(line) <= self._settings.max_question_chars else question

    def parts(self, question: str, spend: Spend) -> list[str]:
        """The questions that the model takes a question apart into, if it may be several.

        A part about nothing that the question names is left out: it has been made up.

        Raises:
            ModelError: The model can't be reached, or refuses.
        """
        if not may_be_several(question):
            return [question]
        prompt = prompts.DECOMPOSE.format(question=question, most=MOST_PARTS)
        lines = (
            _LISTED.sub("", line).strip() for line in self.complete(prompt, spend).splitlines()
        )
        asked = set(words(question))
        found = [
            line
            for line in dict.fromkeys(lines)
            if len(line) <= self._settings.max_question_chars
            and asked & set(words(line))
            and not suspicious(line)
        ]
        # Whoever takes apart may fail to; then the rule does it. The whole is searched for as well:
        # the parts may have lost something.
        return [question, *found[:MOST_PARTS]] if len(found) > 1 else parts(question)

    def complete(self, prompt: str, spend: Spend, schema: dict[str, Any] | None = None) -> str:
        """What the model says to a prompt.

        Args:
            prompt: What it is asked.
            spend: Is told what it was given and gave.
            schema: JSON schema that the server is to hold the model to.

        Raises:
            ModelError: The model can't be reached, or refuses.
        """
        wanted = {"name": "reply", "strict": True, "schema": schema}
        options = {"response_format": {"type": "json_schema", "json_schema": wanted}}
        return "".join(self._stream([("user", prompt)], spend, options if schema else {}))

    def _stream(
        self, messages: list[tuple[str, str]], spend: Spend, options: dict[str, Any] | None = None
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
                        usage = self._priced(piece.usage_metadata)
                    yield str(piece.text)
            except OpenAIError as error:
                raise ModelError(f"The language model did not answer: {error}") from error
            finally:
                span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
                span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
                spend(usage)

    def _priced(self, counts: Any) -> Usage:
        given, got = counts["input_tokens"], counts["output_tokens"]
        prices = self._settings
        cost = given * prices.llm_input_price + got * prices.llm_output_price
        return Usage(prices.llm_model, given, got, cost / _PER_MILLION)


def _connect(settings: Settings) -> "BaseChatModel":
    try:
        import langchain_openai  # noqa: F401, PLC0415 - an extra; so that the message is ours
    except ImportError as error:
        raise UserError(
            "APP_ANSWERER=openai-compatible needs langchain-openai, which is not installed: "
            "add the extra `chat`."
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
    """Text that comes in pieces, as whole sentences with the citations behind them."""
    text = ""
    for piece in pieces:
        text += piece
        found = spans(text)
        # The last may go on, and the one before may still get its citation.
        for start, end in found[:-1]:
            yield text[start:end]
        if len(found) > 1:
            text = text[found[-1][0] :]
    for start, end in spans(text):
        yield text[start:end]
