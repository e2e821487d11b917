"""What requests and answers look like."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..answer.graph import Said
from ..records import Answer, Citation, Hit, Outcome, Turn

LONGEST = 8000
"""Characters of any text; the setting for questions is usually less."""

_Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
_Where = Annotated[
    dict[str, Annotated[str, StringConstraints(max_length=500)]],
    Field(
        max_length=3,
        description="Fields (`kind`, `folder`, `document`) and the value that each must have",
        examples=[{"folder": "manual"}],
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TurnIn(_Request):
    """A question that was asked before, and the answer."""

    question: _Text
    answer: _Text

    def turn(self) -> Turn:
        """As the graph takes it."""
        return Turn(self.question, self.answer)


class AnswerRequest(_Request):
    """A question, and what it refers to."""

    question: Annotated[_Text, Field(examples=["How do I silence the buzzer?"])]
    history: list[TurnIn] = Field(default=[], max_length=10, description="Oldest first")
    where: _Where = {}
    stream: bool = Field(default=False, description="Send each sentence as soon as it is checked")


class CitationOut(BaseModel):
    """Where a sentence of an answer comes from: `text[start:end]` of the document is the quote."""

    number: int
    document: str
    title: str
    heading: str
    start: int
    end: int
    quote: str

    @classmethod
    def of(cls, citation: Citation) -> "CitationOut":
        """From a record."""
        return cls.model_validate(citation, from_attributes=True)


class SentenceOut(BaseModel):
    """A sentence, the numbers of its citations, and while streaming the citations."""

    text: str
    citations: list[int]
    sources: list[CitationOut] = []

    @classmethod
    def of(cls, said: Said) -> "SentenceOut":
        """From what the graph says on its way."""
        return cls(
            text=said.sentence.text,
            citations=list(said.sentence.citations),
            sources=list(map(CitationOut.of, said.citations)),
        )


class UsageOut(BaseModel):
    """What the language model was given and gave, in tokens."""

    model: str
    input_tokens: int
    output_tokens: int
    cost: float


class AnswerOut(BaseModel):
    """An answer."""

    id: str = Field(description="The request's id; name it in feedback")
    outcome: Outcome
    text: str = Field(description="All sentences, with the numbers of their citations")
    sentences: list[SentenceOut]
    citations: list[CitationOut]
    question: str = Field(description="As it was understood")
    confidence: float = Field(description="Probability that the documents hold an answer")
    dropped: int = Field(description="Sentences that the model wrote and no source bears out")
    cached: Literal["", "exact", "semantic"]
    usage: UsageOut | None

    @classmethod
    def of(cls, identity: str, answer: Answer) -> "AnswerOut":
        """From a record."""
        usage = UsageOut.model_validate(answer.usage, from_attributes=True)
        return cls(
            id=identity,
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
    """What to look for."""

    question: _Text
    where: _Where = {}
    limit: int = Field(default=5, ge=1, le=50)


class HitOut(BaseModel):
    """A passage that was found."""

    document: str
    title: str
    heading: str
    start: int
    end: int
    text: str
    score: float

    @classmethod
    def of(cls, hit: Hit) -> "HitOut":
        """From a record."""
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
    """The passages that were found, best first."""

    hits: list[HitOut]
    confidence: float


class DocumentOut(BaseModel):
    """A document that the caller may see."""

    id: str
    title: str
    kind: str
    labels: list[str]


class DocumentText(DocumentOut):
    """A document with its text, in which the spans of citations count."""

    text: str


class FeedbackSource(_Request):
    """A source of the answer that feedback is about."""

    document: _Text
    quote: _Text


class FeedbackRequest(_Request):
    """What somebody thinks of an answer."""

    answer_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
    verdict: Literal["good", "bad"]
    question: _Text
    answer: _Text
    sources: list[FeedbackSource] = Field(default=[], max_length=20)
    comment: Annotated[str, StringConstraints(max_length=2000)] = ""


class FeedbackOut(BaseModel):
    """It has been kept."""

    kept: Literal[True] = True
