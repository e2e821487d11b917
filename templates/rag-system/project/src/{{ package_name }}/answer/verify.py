"""Checks drafts against their sources and turns them into sentences with citations."""

from collections.abc import Iterable, Iterator, Sequence

from ..guard.injection import suspicious
from ..records import Citation, Hit, Sentence
from .base import Draft
from .grounding import Quote, find_support


class Verifier:
    """Passes on the sentences that a source supports, with numbered citations.

    Repeated sentences are skipped: small models repeat themselves.

    Args:
        passages: The passages that the answer was written from.

    Attributes:
        citations: The sources of the sentences passed on.
        dropped: The sentences that no source supports.
    """

    def __init__(self, passages: Sequence[Hit]) -> None:
        self._passages = passages
        self.citations: list[Citation] = []
        self.dropped: list[str] = []
        self._seen: set[str] = set()

    def supported(self, drafts: Iterable[Draft]) -> Iterator[Sentence]:
        """Yield the sentences that a source supports, each with its citation."""
        for draft in drafts:
            normalised = " ".join(draft.text.split()).casefold()
            if normalised in self._seen:
                continue
            self._seen.add(normalised)
            quote = self._source_of(draft)
            if quote is None or suspicious(draft.text):
                self.dropped.append(draft.text)
            else:
                yield Sentence(draft.text, (self._cite(quote),))

    def _source_of(self, draft: Draft) -> Quote | None:
        if draft.quote is None:
            return find_support(draft.text, self._passages, draft.passages)
        index, start, end = draft.quote
        chunk = self._passages[index].chunk
        return draft.quote if chunk.start <= start < end <= chunk.end else None

    def _cite(self, quote: Quote) -> int:
        index, start, end = quote
        hit = self._passages[index]
        chunk = hit.chunk
        for known in self.citations:
            if (known.document, known.start, known.end) == (chunk.document, start, end):
                return known.number
        self.citations.append(
            Citation(
                number=len(self.citations) + 1,
                document=chunk.document,
                title=hit.title,
                heading=chunk.heading,
                start=start,
                end=end,
                quote=chunk.text[start - chunk.start : end - chunk.start],
            )
        )
        return len(self.citations)
