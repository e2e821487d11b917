"""Puts an evaluation together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..index.embedded import Embedded
from ..ingest.run import Recipe, Report, here, ingest, survey
from ..parts import assemble
from ..records import Usage, UserError
from ..retrieve.tuned import Fusion
from ..retrieve.tuned import load as load_tuned
from ..settings import ChunkerName, Settings
from ..text.embed import Embedder
from ..text.rerank import CrossEncoder
from .answers import Judged, ask_all
from .judge import SCHEMA, Verdicts, ask_judge
from .questions import Question, QuestionSet
from .report import Evaluation, answer_figures, search_rows
from .retrieval import Ranker, Scores, Searched, by_fusion, judge, search_all

HYBRID = "hybrid"
_RERANKED = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """What to compare, beside the halves of the search.

    Attributes:
        chunkers: Other ways of cutting.
        rerank: A cross-encoder on top.
        answers: Whether questions are answered, too.
        judge: Whether the language model judges the answers, also those that are quotes.
    """

    chunkers: tuple[ChunkerName, ...] = ()
    rerank: bool = False
    answers: bool = True
    judge: bool = False


def index(settings: Settings, embedder: Embedder) -> tuple[Embedded, Report]:
    """An embedded index of the documents, up to date, in the state folder.

    Evaluation has its own: what is in production may hold other documents by now.

    Raises:
        UserError: There are no documents, or the index can't be used.
    """
    path = settings.state_dir / f"eval-{settings.chunker}" / "index.db"
    store = Embedded(path, embedder.dimensions)
    recipe = Recipe.of(settings, embedder.name)
    sources = survey(settings.documents_dir, recipe)
    return store, ingest(sources, store, here(recipe, embedder))


def evaluate(
    settings: Settings,
    embedder: Embedder,
    asked: QuestionSet,
    questions: list[Question],
    wish: Wish,
) -> Evaluation:
    """Evaluate search and answers.

    Args:
        settings: Of the system that is evaluated.
        embedder: Its embedding model.
        asked: Where the questions are from.
        questions: Those of them to ask.
        wish: What to compare.

    Raises:
        UserError: A part can't be used, or an answer is not where it is said to be.
        ModelError: The language model did not answer.
    """
    store, _ = index(settings, embedder)
    every = search_all(questions, store, embedder)
    if not any(each.golds for each in every):
        raise UserError("none of the questions has an answer; there is nothing to measure")
    scores = _scores(every, wish)
    for chunker in wish.chunkers:
        if chunker != settings.chunker:
            other, _ = index(settings.model_copy(update={"chunker": chunker}), embedder)
            fusion = load_tuned().fusion
            found = search_all(questions, other, embedder)
            scores[f"{HYBRID}, {chunker}"] = judge(found, by_fusion(fusion))
    rows = search_rows(scores, HYBRID)
    answerable = sum(each.answerable for each in questions)
    evaluation = Evaluation(
        f"{asked.head.name} {asked.head.version}",
        asked.digest,
        answerable,
        len(questions) - answerable,
        rows,
        None,
    )
    if not wish.answers:
        return evaluation
    fresh = settings.model_copy(update={"cache_entries": 0})
    judged = ask_all(questions, assemble(fresh, store, embedder), store)
    verdicts = _verdicts(settings, judged) if wish.judge else None
    dropped = tuple(
        (each.question.question, sentence) for each in judged for sentence in each.answer.dropped
    )
    return replace(evaluation, answers=answer_figures(judged), judge=verdicts, dropped=dropped)


def _scores(every: list[Searched], wish: Wish) -> dict[str, Scores]:
    tuned = load_tuned().fusion
    rankers: dict[str, Ranker] = {
        HYBRID: by_fusion(tuned),
        "by meaning alone": by_fusion(Fusion(dense_weight=1, k=tuned.k)),
        "by word alone (BM25)": by_fusion(Fusion(dense_weight=0, k=tuned.k)),
        "hybrid, equal weights": by_fusion(Fusion(dense_weight=0.5, k=60)),
    }
    if wish.rerank:
        encoder, base = CrossEncoder(), rankers[HYBRID]
        rankers[f"{HYBRID}, reranked"] = lambda each: encoder.rerank(
            each.question.question, base(each)[:_RERANKED]
        )
    return {name: judge(every, ranker) for name, ranker in rankers.items()}


def _verdicts(settings: Settings, every: Sequence[Judged]) -> Verdicts:
    from ..answer.chat import Chat  # noqa: PLC0415 - an extra

    chat = Chat(settings)
    return ask_judge(every, lambda prompt: chat.complete(prompt, _ignore, SCHEMA))


def _ignore(_: Usage) -> None:
    pass
