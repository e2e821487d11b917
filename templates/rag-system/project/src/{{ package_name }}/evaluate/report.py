"""Reports an evaluation as text, HTML and JSON, and compares it with the baseline."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from jinja2 import Environment, FileSystemLoader

from .answers import GradedAnswer
from .judge import Verdicts
from .retrieval import MEASURES, Scores
from .statistics import Interval, auc, bootstrap

TOLERANCE = 0.02
"""How far a metric may fall below the baseline: the gate is for regressions, not for noise."""


@dataclass(frozen=True, slots=True)
class SearchRow:
    """The results of one search configuration.

    Attributes:
        name: The configuration.
        means: The mean of each measure.
        difference: Its nDCG@10 minus that of the configuration in use; None for that one itself.
    """

    name: str
    means: dict[str, float]
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class AnswerMetrics:
    """The quality of answers; all but the AUC are shares.

    Attributes:
        correctness: Answerable questions with the expected answer.
        answered: Answerable questions that got an answer.
        false_answers: Unanswerable questions that got an answer.
        abstention_auc: How well the confidence separates answerable from unanswerable questions.
        citation_precision: Citations that overlap an expected source.
        citation_validity: Citations that quote their document correctly.
        faithfulness: Shown sentences that their sources support.
        dropped: Written sentences that were not shown because no source supports them.
    """

    correctness: float
    answered: float
    false_answers: float
    abstention_auc: float
    citation_precision: float
    citation_validity: float
    faithfulness: float
    dropped: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of an evaluation.

    Attributes:
        questions: Name and version of the set of questions.
        digest: The digest of the file of questions.
        answerable: The number of answerable questions.
        unanswerable: The number of unanswerable questions.
        search: The search configurations, side by side.
        answers: The quality of the answers, if they were evaluated.
        judge: The LLM judge's verdicts, if it was asked.
        dropped: Pairs of a question and a sentence dropped from its answer.
    """

    questions: str
    digest: str
    answerable: int
    unanswerable: int
    search: tuple[SearchRow, ...]
    answers: AnswerMetrics | None
    judge: Verdicts | None = None
    dropped: tuple[tuple[str, str], ...] = ()


def search_rows(scores: Mapping[str, Scores], used: str) -> tuple[SearchRow, ...]:
    """Compare search configurations.

    Args:
        scores: The scores of each configuration, on the same questions.
        used: The name of the configuration in use, with which the others are compared.
    """
    base = scores[used]["nDCG@10"]
    return tuple(
        SearchRow(
            name,
            {measure: fmean(each[measure].values()) for measure in MEASURES},
            None if name == used else bootstrap([each["nDCG@10"][q] - base[q] for q in base]),
        )
        for name, each in scores.items()
    )


def answer_metrics(graded: Sequence[GradedAnswer]) -> AnswerMetrics:
    """Compute the quality of all answers."""
    answerable = [each for each in graded if each.question.answerable]
    unanswerable = [each for each in graded if not each.question.answerable]
    shown = sum(each.sentences for each in graded)
    dropped = sum(each.dropped for each in graded)
    return AnswerMetrics(
        correctness=_ratio(sum(each.correct for each in answerable), len(answerable)),
        answered=_ratio(_answered(answerable), len(answerable)),
        false_answers=_ratio(_answered(unanswerable), len(unanswerable)),
        abstention_auc=auc(
            [each.answer.confidence for each in answerable],
            [each.answer.confidence for each in unanswerable],
        ),
        citation_precision=_ratio(
            sum(each.right_citations for each in answerable),
            sum(each.citations for each in answerable),
        ),
        citation_validity=_ratio(
            sum(each.valid_citations for each in graded), sum(each.citations for each in graded)
        ),
        faithfulness=_ratio(sum(each.faithful for each in graded), shown),
        dropped=_ratio(dropped, shown + dropped),
    )


def _answered(graded: Sequence[GradedAnswer]) -> int:
    return sum(each.answer.outcome == "answered" for each in graded)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _counts(evaluation: Evaluation) -> str:
    return f"{evaluation.answerable} answerable questions, {evaluation.unanswerable} unanswerable"


def as_text(evaluation: Evaluation) -> str:
    """Format the evaluation as a table for the terminal."""
    lines = [
        f"{evaluation.questions}: {_counts(evaluation)}",
        "",
        f"{'search':<24}"
        + "".join(f"{measure:>9}" for measure in MEASURES)
        + "   nDCG@10 difference",
    ]
    for row in evaluation.search:
        means = "".join(f"{row.means[measure]:>9.3f}" for measure in MEASURES)
        lines.append(f"{row.name:<24}{means}   {row.difference or 'in use'}")
    if evaluation.answers:
        lines += ["", "answers"]
        lines += [
            f"  {name.replace('_', ' '):<22}{value:>8.3f}"
            for name, value in asdict(evaluation.answers).items()
        ]
    if evaluation.judge:
        lines += ["", "judged by the language model"]
        lines += [f"  {name:<22}{value:>8.3f}" for name, value in asdict(evaluation.judge).items()]
    return "\n".join(lines)


def write(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write the evaluation as `eval.json` and `eval.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "eval.json", folder / "eval.html"
    data.write_text(json.dumps(asdict(evaluation), indent=2) + "\n", encoding="utf-8")
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    template = environment.get_template("report.html")
    metrics = asdict(evaluation.answers) if evaluation.answers else {}
    html = template.render(evaluation=evaluation, measures=MEASURES, metrics=metrics)
    page.write_text(html + "\n", encoding="utf-8")
    return [data, page]


def gate_figures(evaluation: Evaluation) -> dict[str, float]:
    """Return the figures that the gate compares; for all of them, more is better."""
    [used] = [row for row in evaluation.search if row.difference is None]
    figures = dict(used.means)
    if evaluation.answers:
        answers = asdict(evaluation.answers)
        false_answers, dropped = answers.pop("false_answers"), answers.pop("dropped")
        figures |= answers | {"correct_abstentions": 1 - false_answers, "supported": 1 - dropped}
    return {name: round(value, 4) for name, value in figures.items()}


def write_baseline(evaluation: Evaluation, path: Path) -> None:
    """Save the figures that the gate compares later evaluations with."""
    content = {"questions": evaluation.digest, "figures": gate_figures(evaluation)}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def regressions(evaluation: Evaluation, path: Path) -> list[str]:
    """Describe each figure that is worse than the baseline, of those measured both times.

    Raises:
        OSError: There is no baseline.
    """
    baseline = json.loads(path.read_text(encoding="utf-8"))
    if baseline["questions"] != evaluation.digest:
        return [f"{path} is about other questions: `make baseline` rewrites it"]
    now = gate_figures(evaluation)
    # Without answers, their figures are missing on purpose; otherwise a figure was renamed.
    unknown = baseline["figures"].keys() - now.keys() if evaluation.answers else set()
    if unknown:
        names = ", ".join(sorted(unknown))
        return [f"{path} has figures that no longer exist ({names}): `make baseline` rewrites it"]
    return [
        f"{name} fell from {before:.3f} to {now[name]:.3f}"
        for name, before in baseline["figures"].items()
        if name in now and now[name] < before - TOLERANCE
    ]
