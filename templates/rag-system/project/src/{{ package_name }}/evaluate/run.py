"""Runs an evaluation from start to finish."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..factories import build_assistant
from ..index.embedded import EmbeddedStore
from ..ingest.run import IngestConfig, IngestResult, encode_locally, ingest, scan
from ..records import Usage, UserError
from ..retrieve.tuned import Fusion
from ..retrieve.tuned import load as load_tuned
from ..settings import ChunkerName, Settings
from ..text.embed import Embedder
from ..text.rerank import CrossEncoder
from .answers import GradedAnswer, answer_questions
from .judge import SCHEMA, Verdicts, run_judge
from .questions import Question, QuestionSet
from .report import Evaluation, answer_metrics, search_rows
from .retrieval import Ranker, Scores, SearchedQuestion, fusion_ranker, measure, search_questions

HYBRID = "hybrid"
_RERANK_DEPTH = 10


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to evaluate besides the search in use and its variants.

    Attributes:
        chunkers: Other chunkers to compare.
        rerank: Whether to compare with a cross-encoder.
        answers: Whether to evaluate answers, too.
        judge: Whether a language model judges the answers, even extractive ones.
    """

    chunkers: tuple[ChunkerName, ...] = ()
    rerank: bool = False
    answers: bool = True
    judge: bool = False


def build_index(settings: Settings, embedder: Embedder) -> tuple[EmbeddedStore, IngestResult]:
    """Build or update an embedded index for the evaluation, in the state folder.

    The evaluation has its own index: the one in production may hold other documents.

    Raises:
        UserError: There are no documents, or the index can't be used.
    """
    path = settings.state_dir / f"eval-{settings.chunker}" / "index.db"
    store = EmbeddedStore(path, embedder.dimensions)
    config = IngestConfig.from_settings(settings, embedder.name)
    sources = scan(settings.documents_dir, config)
    return store, ingest(sources, store, encode_locally(config, embedder))


def evaluate(
    settings: Settings,
    embedder: Embedder,
    question_set: QuestionSet,
    questions: list[Question],
    options: EvaluationOptions,
) -> Evaluation:
    """Evaluate search and answers.

    Args:
        settings: The settings of the system under evaluation.
        embedder: Its embedding model.
        question_set: The set that the questions belong to.
        questions: The questions of the set to ask.
        options: What to evaluate.

    Raises:
        UserError: A component can't be used, or an expected quote is not in its document.
        ModelError: The language model did not answer.
    """
    store, _ = build_index(settings, embedder)
    searched = search_questions(questions, store, embedder)
    if not any(each.gold_spans for each in searched):
        raise UserError("none of the questions has an answer; there is nothing to measure")
    scores = _scores(searched, options)
    for chunker in options.chunkers:
        if chunker != settings.chunker:
            other, _ = build_index(settings.model_copy(update={"chunker": chunker}), embedder)
            ranker = fusion_ranker(load_tuned().fusion)
            other_searched = search_questions(questions, other, embedder)
            scores[f"{HYBRID}, {chunker}"] = measure(other_searched, ranker)
    rows = search_rows(scores, HYBRID)
    answerable = sum(each.answerable for each in questions)
    evaluation = Evaluation(
        f"{question_set.header.name} {question_set.header.version}",
        question_set.digest,
        answerable,
        len(questions) - answerable,
        rows,
        None,
    )
    if not options.answers:
        return evaluation
    uncached = settings.model_copy(update={"cache_entries": 0})
    graded = answer_questions(questions, build_assistant(uncached, store, embedder), store)
    verdicts = _judge(settings, graded) if options.judge else None
    dropped = tuple(
        (each.question.question, sentence) for each in graded for sentence in each.answer.dropped
    )
    return replace(evaluation, answers=answer_metrics(graded), judge=verdicts, dropped=dropped)


def _scores(searched: list[SearchedQuestion], options: EvaluationOptions) -> dict[str, Scores]:
    tuned = load_tuned().fusion
    rankers: dict[str, Ranker] = {
        HYBRID: fusion_ranker(tuned),
        "dense only": fusion_ranker(Fusion(dense_weight=1, k=tuned.k)),
        "BM25 only": fusion_ranker(Fusion(dense_weight=0, k=tuned.k)),
        "hybrid, equal weights": fusion_ranker(Fusion(dense_weight=0.5, k=60)),
    }
    if options.rerank:
        encoder, base = CrossEncoder(), rankers[HYBRID]
        rankers[f"{HYBRID}, reranked"] = lambda each: encoder.rerank(
            each.question.question, base(each)[:_RERANK_DEPTH]
        )
    return {name: measure(searched, ranker) for name, ranker in rankers.items()}


def _judge(settings: Settings, graded: Sequence[GradedAnswer]) -> Verdicts:
    from ..answer.chat import Chat  # noqa: PLC0415 - needs an extra

    chat = Chat(settings)
    return run_judge(graded, lambda prompt: chat.complete(prompt, _ignore_usage, SCHEMA))


def _ignore_usage(_: Usage) -> None:
    pass
