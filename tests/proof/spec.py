"""`templates/<slug>/proof.yml`: read, validated, and its answer sets checked to be pairwise."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations, product
from pathlib import Path
from typing import Any

import yaml

from .domain import AnswerSet, ImageFacts, Spec

SHARED = ("project_name", "owner")  # free text, asked by every template
_LONG_NAME = 24


class SpecError(Exception):
    """`proof.yml` is wrong; the message says where."""


def templates(root: Path) -> list[str]:
    """The slugs of the catalog's templates."""
    return sorted(path.parent.name for path in root.glob("templates/*/project") if path.is_dir())


def load(root: Path, slug: str) -> Spec:
    """Read the template's `proof.yml`.

    Raises:
        SpecError: It is missing, has an unknown or mistyped key, or proves too few answers.
    """
    path = root / "templates" / slug / "proof.yml"
    if not path.is_file():
        message = f"templates/{slug}/proof.yml is missing: it lists the answer sets to prove"
        raise SpecError(message)
    data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    known = {each.name for each in fields(Spec)} - {"slug"}
    if unknown := sorted(set(data) - known):
        message = f"templates/{slug}/proof.yml: unknown key {unknown[0]!r} (known: {sorted(known)})"
        raise SpecError(message)
    try:
        image = data.get("image")
        sets = data["answer_sets"]
        spec = Spec(
            slug=slug,
            answer_sets=tuple(
                AnswerSet(name, dict(answers or {})) for name, answers in sets.items()
            ),
            image=ImageFacts(
                **image
                | {key: tuple(map(str, image.get(key, ()))) for key in ("absent", "command")}
            )
            if image
            else None,
            **{key: tuple(data.get(key, ())) for key in ("braces", "packages", "skips")},
        )
    except (TypeError, KeyError, AttributeError) as error:
        message = f"templates/{slug}/proof.yml: {error}"
        raise SpecError(message) from error
    if problems := answer_set_problems(spec, choices(root, slug)):
        message = f"templates/{slug}/proof.yml: " + "; ".join(problems)
        raise SpecError(message)
    return spec


def answer_set(spec: Spec, name: str) -> AnswerSet:
    """The answer set of that name."""
    found = {each.name: each for each in spec.answer_sets}
    if name not in found:
        message = f"{spec.slug} has no answer set {name!r}; there are {', '.join(found)}"
        raise SpecError(message)
    return found[name]


def questions(root: Path, slug: str) -> dict[str, dict[str, Any]]:
    """The template's own questions, by their full (prefixed) key."""
    path = root / "templates" / slug / "questions.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.is_file() else {}


def choices(root: Path, slug: str) -> dict[str, tuple[list[Any], Any]]:
    """Questions with a closed set of answers: key without prefix -> (answers, the default)."""
    prefix = slug.replace("-", "_") + "_"
    found: dict[str, tuple[list[Any], Any]] = {}
    for key, question in questions(root, slug).items():
        if question.get("type") == "bool":
            values: list[Any] = [True, False]
        else:
            listed = question.get("choices") or []
            values = list(listed.values()) if isinstance(listed, dict) else list(listed)
        if values:
            found[key.removeprefix(prefix)] = (values, question.get("default", values[0]))
    return found


def answer_set_problems(spec: Spec, closed: dict[str, tuple[list[Any], Any]]) -> list[str]:
    """What the answer sets leave out: every pair of choices must be met in some set."""
    problems = []
    names = [each.name for each in spec.answer_sets]
    if names[:1] != ["defaults"] or spec.answer_sets[0].answers:
        problems.append("the first answer set must be `defaults: {}`")
    full = [
        {key: each.answers.get(key, default) for key, (_, default) in closed.items()}
        for each in spec.answer_sets
    ]
    problems += [
        f"{each.name}: {key} is no such question, or can't be {value!r}"
        for each in spec.answer_sets
        for key, value in each.answers.items()
        if key not in SHARED and value not in closed.get(key, ((), None))[0]
    ]
    met = {pair for answers in full for pair in combinations(answers.items(), min(2, len(closed)))}
    problems += [
        "no answer set has " + " with ".join(f"{key}={value}" for key, value in pair)
        for keys in combinations(closed, min(2, len(closed)))
        for pair in product(*([(key, value) for value in closed[key][0]] for key in keys))
        if pair not in met
    ]
    if not any(
        len(each.answers.get("project_name", "")) >= _LONG_NAME for each in spec.answer_sets
    ):
        problems.append(f"no answer set has a project_name of {_LONG_NAME} letters or more")
    return problems
