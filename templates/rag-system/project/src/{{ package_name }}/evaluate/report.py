"""What an evaluation found: as a table, a page and JSON, and compared with what it was before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from jinja2 import Environment, FileSystemLoader

from .answers import Judged
from .judge import Verdicts
from .retrieval import MEASURES, Scores
from .statistics import Interval, auc, bootstrap

TOLERANCE = 0.02
"""How far a figure may fall below the baseline; the gate is for regressions, not for noise."""


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration of the search.

    Attributes:
        name: What it is.
        means: Mean of each measure.
        difference: Its nDCG@10 less that of the configuration in use; None for that one itself.
    """

    name: str
    means: dict[str, float]
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """How good answers are; shares, from 0 to 1.

    Attributes:
        exactness: Of the answerable questions, those answered with what was expected.
        answered: Of the answerable questions, those that got an answer.
        false_answers: Of the questions without an answer, those that got one.
        abstention_auc: How well confidence tells the two apart.
        citation_precision: Of all citations, those that hold what was expected.
        citation_reality: Of all citations, those whose quote stands where they say.
        faithfulness: Of all sentences shown, those that their sources bear out.
        dropped: Of all sentences written, those not shown as no source bears them out.
    """

    exactness: float
    answered: float
    false_answers: float
    abstention_auc: float
    citation_precision: float
    citation_reality: float
    faithfulness: float
    dropped: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was found.

    Attributes:
        questions: Name and version of the set of questions.
        digest: Of the questions.
        answerable: How many of them have an answer.
        unanswerable: How many have none.
        search: Configurations side by side.
        answers: How good the answers are, if there are any.
        judge: What the language model says of them, if it was asked.
        dropped: Questions, and what was written in answer to them that no source bears out.
    """

    questions: str
    digest: str
    answerable: int
    unanswerable: int
    search: tuple[Row, ...]
    answers: AnswerFigures | None
    judge: Verdicts | None = None
    dropped: tuple[tuple[str, str], ...] = ()


def search_rows(scores: Mapping[str, Scores], used: str) -> tuple[Row, ...]:
    """Configurations side by side.

    Args:
        scores: Of each configuration, all asked the same questions.
        used: Name of the one in use, with which the others are compared.
    """
    base = scores[used]["nDCG@10"]
    return tuple(
        Row(
            name,
            {measure: fmean(each[measure].values()) for measure in MEASURES},
            None if name == used else bootstrap([each["nDCG@10"][q] - base[q] for q in base]),
        )
        for name, each in scores.items()
    )


def answer_figures(every: Sequence[Judged]) -> AnswerFigures:
    """Figures of all answers."""
    known = [each for each in every if each.question.answerable]
    unknown = [each for each in every if not each.question.answerable]
    shown, dropped = (sum(each.sentences for each in every), sum(each.dropped for each in every))
    about_known = _ratio(
        sum(each.right_citations for each in known), sum(each.citations for each in known)
    )
    return AnswerFigures(
        exactness=_ratio(sum(each.exact for each in known), len(known)),
        answered=_ratio(sum(each.answer.outcome == "answered" for each in known), len(known)),
        false_answers=_ratio(
            sum(each.answer.outcome == "answered" for each in unknown), len(unknown)
        ),
        abstention_auc=auc(
            [each.answer.confidence for each in known],
            [each.answer.confidence for each in unknown],
        ),
        citation_precision=about_known,
        citation_reality=_ratio(
            sum(each.real_citations for each in every), sum(each.citations for each in every)
        ),
        faithfulness=_ratio(sum(each.faithful for each in every), shown),
        dropped=_ratio(dropped, shown + dropped),
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _counts(found: Evaluation) -> str:
    return f"{found.answerable} questions with an answer, {found.unanswerable} without"


def as_text(found: Evaluation) -> str:
    """The evaluation as a table for the terminal."""
    lines = [
        f"{found.questions}: {_counts(found)}",
        "",
        f"{'search':<24}"
        + "".join(f"{measure:>9}" for measure in MEASURES)
        + "   nDCG@10 less ours",
    ]
    for row in found.search:
        means = "".join(f"{row.means[measure]:>9.3f}" for measure in MEASURES)
        lines.append(f"{row.name:<24}{means}   {row.difference or 'in use'}")
    if found.answers:
        lines += ["", "answers"]
        lines += [
            f"  {name.replace('_', ' '):<22}{value:>8.3f}"
            for name, value in asdict(found.answers).items()
        ]
    if found.judge:
        lines += ["", "judged by the language model"]
        lines += [f"  {name:<22}{value:>8.3f}" for name, value in asdict(found.judge).items()]
    return "\n".join(lines)


def write(found: Evaluation, folder: Path) -> list[Path]:
    """Write the evaluation as `eval.json` and `eval.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "eval.json", folder / "eval.html"
    data.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    template = environment.get_template("report.html")
    figures = asdict(found.answers) if found.answers else {}
    page.write_text(
        template.render(found=found, measures=MEASURES, figures=figures) + "\n", encoding="utf-8"
    )
    return [data, page]


def figures_of(found: Evaluation) -> dict[str, float]:
    """What the gate looks at: of each, more is better."""
    [used] = [row for row in found.search if row.difference is None]
    figures = dict(used.means)
    if found.answers:
        answers = asdict(found.answers)
        wrong, dropped = answers.pop("false_answers"), answers.pop("dropped")
        figures |= answers | {"unanswerable left alone": 1 - wrong, "borne out": 1 - dropped}
    return {name: round(value, 4) for name, value in figures.items()}


def write_baseline(found: Evaluation, path: Path) -> None:
    """Keep the figures for the gate."""
    content = {"questions": found.digest, "figures": figures_of(found)}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def regressions(found: Evaluation, path: Path) -> list[str]:
    """What is worse than the baseline says, one line each; of what was measured both times.

    Raises:
        OSError: There is no baseline.
    """
    baseline = json.loads(path.read_text(encoding="utf-8"))
    if baseline["questions"] != found.digest:
        return [f"{path} is about other questions: `make baseline` writes it anew"]
    now = figures_of(found)
    return [
        f"{name} fell from {before:.3f} to {now[name]:.3f}"
        for name, before in baseline["figures"].items()
        if name in now and now[name] < before - TOLERANCE
    ]
