"""What the catalog claims a project is built with is really in the repository it makes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.catalog.loading import load
from mlops_scaffold.creation.create import Request, create
from mlops_scaffold.source.builtin import builtin_root

if TYPE_CHECKING:
    from pathlib import Path

OURS = load(builtin_root())


def package(name: str, module: str) -> dict[str, str]:
    """Evidence of a Python package: a declared dependency, and an import in the code."""
    return {
        "pyproject.toml": rf'^\s*"{re.escape(name)}[\[<>=~!; "]',
        "src/**/*.py": rf"^\s*(?:import|from) {re.escape(module)}\b",
    }


# For each tool, what must be found where: a pattern in at least one file of every glob.
EVIDENCE: dict[str, dict[str, str]] = {
    "Apache Airflow": package("apache-airflow", "airflow"),
    "Apache Kafka": package("confluent-kafka", "confluent_kafka"),
    "DVC": {"dvc.yaml": r"^stages:", "pyproject.toml": r'"dvc[\[<>=]'},
    "Docker": {"Dockerfile": r"^FROM ", "compose.yaml": r"^services:"},
    "DuckDB": package("duckdb", "duckdb"),
    "Evidently AI": package("evidently", "evidently"),
    "FastAPI": package("fastapi", "fastapi"),
    "Git": {"src/**/*.py": r"\bgit\b"},
    "Grafana": {"deploy/grafana/**/*.json": r'"panels"', "compose.yaml": r"image: .*grafana"},
    "Helm": {"deploy/**/Chart.yaml": r"^apiVersion: v2"},
    "Hugging Face Transformers": package("transformers", "transformers"),
    "Kubernetes": {"deploy/**/*.yaml": r"^kind: Deployment"},
    "LangChain": package("langchain", "langchain"),
    "LiteLLM": package("litellm", "litellm"),
    "MLflow": package("mlflow", "mlflow"),
    "ONNX Runtime": package("onnxruntime", "onnxruntime"),
    "OpenTelemetry": package("opentelemetry-sdk", "opentelemetry"),
    "Optuna": package("optuna", "optuna"),
    "PEFT": package("peft", "peft"),
    "Pandera": package("pandera", "pandera"),
    "PostgreSQL": {"compose.yaml": r"image: .*postgres", "pyproject.toml": r'"psycopg'},
    "Prometheus": {
        "deploy/prometheus/*.yml": r"^scrape_configs:",
        "compose.yaml": r"image: .*prometheus",
        **package("prometheus-client", "prometheus_client"),
    },
    "PyTorch": package("torch", "torch"),
    "Qdrant": package("qdrant-client", "qdrant_client"),
    "Redis": package("redis", "redis"),
    "SciPy": package("scipy", "scipy"),
    "Terraform": {"deploy/**/*.tf": r"^resource "},
    "argparse": {"src/**/*.py": r"^import argparse\b"},
    "cron": {"**/*cron*": r"\S"},
    "scikit-learn": package("scikit-learn", "sklearn"),
}


def missing(tool: str, root: Path) -> list[str]:
    """The globs in which no file bears out that the tool is used."""
    return [
        glob
        for glob, pattern in EVIDENCE[tool].items()
        if not any(
            re.search(pattern, file.read_text("utf-8"), re.MULTILINE)
            for file in root.glob(glob)
            if file.is_file()
        )
    ]


def test_every_claim_of_the_catalog_can_be_checked() -> None:
    assert {tool for project in OURS.projects for tool in project.tools} == set(EVIDENCE)


@pytest.mark.parametrize("slug", [p.slug for p in OURS.projects if p.has_template])
def test_a_project_uses_every_tool_it_claims(slug: str, tmp_path: Path) -> None:
    made = create(Request(slug, tmp_path / slug, git=False))
    lacking = {tool: missing(tool, made.path) for tool in OURS.find(slug).tools}
    assert {tool: globs for tool, globs in lacking.items() if globs} == {}


def test_a_false_claim_is_found(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('dependencies = [\n  "fastapi>=0.1",\n]\n')
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("import fastapi_users\n")
    assert missing("FastAPI", tmp_path) == ["src/**/*.py"]
    assert missing("DVC", tmp_path) == ["dvc.yaml", "pyproject.toml"]
