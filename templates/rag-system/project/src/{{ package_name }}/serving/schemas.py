"""The schemas of requests and responses."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..answer.graph import StreamedSentence
from ..records import Answer, Citation, Hit, Outcome, Turn

MAX_TEXT_CHARS = 8000
"""The limit of every text; the setting for questions is usually lower."""

_Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARS)]
_Where = Annotated[
    dict[str, Annotated[str, StringConstraints(max_length=500)]],
    Field(
        max_length=3,
        description="Filters: fields (`kind`, `folder`, `document`) and their required values",
        examples=[{"folder": "manual"}],
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TurnIn(_Request):
    """An earlier question and its answer."""

    question: _Text
    answer: _Text

    def turn(self) -> Turn:
        """Convert it to the internal record."""
        return Turn(self.question, self.answer)


class AnswerRequest(_Request):
    """A question and its context."""

    question: Annotated[_Text, Field(examples=["How do I silence the buzzer?"])]
    history: list[TurnIn] = Field(default=[], max_length=10, description="Oldest turn first")
    where: _Where = {}
    stream: bool = Field(default=False, description="Send each sentence as soon as it is verified")


class CitationOut(BaseModel):
    """The source of a sentence: `text[start:end]` of the document is the quote."""

    number: int
    document: str
    title: str
    heading: str
    start: int
    end: int
    quote: str

    @classmethod
    def of(cls, citation: Citation) -> "CitationOut":
        """Create it from the internal record."""
        return cls.model_validate(citation, from_attributes=True)


class SentenceOut(BaseModel):
    """A sentence and the numbers of its citations; in a stream, also the citations themselves."""

    text: str
    citations: list[int]
    sources: list[CitationOut] = []

    @classmethod
    def of(cls, streamed: StreamedSentence) -> "SentenceOut":
        """Create it from a streamed sentence."""
        return cls(
            text=streamed.sentence.text,
            citations=list(streamed.sentence.citations),
            sources=list(map(CitationOut.of, streamed.citations)),
        )


class UsageOut(BaseModel):
    """Tokens read and written by the language model, and their cost."""

    model: str
    input_tokens: int
    output_tokens: int
    cost: float


class AnswerOut(BaseModel):
    """An answer with its sources."""

    id: str = Field(description="The request's id; refer to it in feedback")
    outcome: Outcome
    text: str = Field(description="All sentences with the numbers of their citations")
    sentences: list[SentenceOut]
    citations: list[CitationOut]
    question: str = Field(description="The question as it was understood")
    confidence: float = Field(description="Probability that the documents contain an answer")
    dropped: int = Field(description="Number of sentences left out because no source supports them")
    cached: Literal["", "exact", "semantic"]
    usage: UsageOut | None

    @classmethod
    def of(cls, answer_id: str, answer: Answer) -> "AnswerOut":
        """Create it from the internal record."""
        usage = UsageOut.model_validate(answer.usage, from_attributes=True)
        return cls(
            id=answer_id,
            outcome=answer.outcome,
            text=answer.text,
            sentences=[
                SentenceOut(text=each.text, citations=list(each.citations))
                for each in answer.sentences
            ],
            citations=list(map(CitationOut.of, answer.citations)),
            question=answer.question,
            confidence=round(answer.confidence, 4),
            dropped=len(answer.dropped),
            cached=answer.cached,
            usage=usage if usage.model else None,
        )


class SearchRequest(_Request):
    """A search."""

    question: _Text
    where: _Where = {}
    limit: int = Field(default=5, ge=1, le=50)


class HitOut(BaseModel):
    """A passage found by a search."""

    document: str
    title: str
    heading: str
    start: int
    end: int
    text: str
    score: float

    @classmethod
    def of(cls, hit: Hit) -> "HitOut":
        """Create it from the internal record."""
        chunk = hit.chunk
        return cls(
            document=chunk.document,
            title=hit.title,
            heading=chunk.heading,
            start=chunk.start,
            end=chunk.end,
            text=chunk.text,
            score=hit.score,
        )


class SearchOut(BaseModel):
    """The passages found, best first."""

    hits: list[HitOut]
    confidence: float


class DocumentOut(BaseModel):
    """A document that the caller may see."""

    id: str
    title: str
    kind: str
    labels: list[str]


class DocumentText(DocumentOut):
    """A document with the text that the spans of citations refer to."""

    text: str


class FeedbackSource(_Request):
    """A source of the rated answer."""

    document: _Text
    quote: _Text


class FeedbackRequest(_Request):
    """A user's rating of an answer."""

    answer_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
    verdict: Literal["good", "bad"]
    question: _Text
    answer: _Text
    sources: list[FeedbackSource] = Field(default=[], max_length=20)
    comment: Annotated[str, StringConstraints(max_length=2000)] = ""


class FeedbackOut(BaseModel):
    """Confirms that the feedback was saved."""

    kept: Literal[True] = True
