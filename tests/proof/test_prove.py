"""The proof as tests: every template with its default answers, a test per step (marker `proof`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pytest_copie.plugin import Copie

from . import spec
from .domain import StepResult
from .prove import prove_unit, unit_for
from .steps import STEPS
from .unit import Unit

ROOT = Path(__file__).parents[2]
SLUGS = spec.templates(ROOT)


@pytest.fixture(scope="module", params=SLUGS)
def unit(request: pytest.FixtureRequest) -> Iterator[Unit]:
    template = spec.load(ROOT, request.param)
    with unit_for(ROOT, template, template.answer_sets[0]) as made:
        yield made


@pytest.mark.proof
@pytest.mark.parametrize("step", STEPS)
def test_step(unit: Unit, step: str) -> None:
    told: list[StepResult] = []
    (result,) = prove_unit(unit, [step], told.append)
    if result.status == "skipped":
        pytest.skip(result.findings[0])
    assert result.findings == ()


@pytest.mark.parametrize(
    ("slug", "name"),
    [(slug, each.name) for slug in SLUGS for each in spec.load(ROOT, slug).answer_sets],
)
def test_copier_alone_renders_it_too(slug: str, name: str, copie: Copie, tmp_path: Path) -> None:
    """People who know Copier can point it at this repository."""
    given = spec.answer_set(spec.load(ROOT, slug), name).answers
    prefix = slug.replace("-", "_") + "_"
    answers = {key if key in spec.SHARED else prefix + key: value for key, value in given.items()}
    plain = tmp_path / "catalog"  # a checkout would be cloned, and its last tag taken
    shutil.copytree(ROOT / "templates", plain / "templates")
    shutil.copy(ROOT / "copier.yml", plain)
    result = copie.copy(extra_answers={"template": slug} | answers, template_dir=plain)
    assert result.exception is None
    assert result.project_dir is not None
    made = yaml.safe_load((result.project_dir / ".copier-answers.yml").read_text())
    assert made["template"] == slug
    assert {key: made[key] for key in answers} == answers
