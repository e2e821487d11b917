"""The model card: a human-readable summary of a model and its metrics."""

from .contract import Contract
from .runs import Run


def render(run: Run, contract: Contract) -> str:
    """Render the model card of an evaluated run as Markdown."""
    config, tags = run.config, run.tags
    target = contract.columns[contract.target]
    output = f"one of {', '.join(sorted(target.categories))}" if target.categories else "a number"
    metrics = "\n".join(f"| {name} | {value:.4g} |" for name, value in run.metrics.items())
    params = "\n".join(f"| {name} | {value} |" for name, value in run.params.items())
    features = ", ".join(f"`{name}`" for name in contract.features)
    return f"""# {config.name}

Predicts `{contract.target}` ({output}) from {len(contract.features)} columns: {features}.

- Trained on {tags["data.rows.train"]} rows of `{config.data.source}` and evaluated on \
{tags["data.rows.held_out"]} held-out rows. Data: sha256 `{tags["data.sha256"]}`.
- Code: sha256 `{tags["code.sha256"]}`, commit \
{tags.get("mlflow.source.git.commit", "unknown")}.
- Rows that violate the data contract are rejected. The metrics below hold only for data like the
  data it was trained on.

| metric on held-out rows | value |
| --- | --- |
{metrics}

| parameter | value |
| --- | --- |
{params}
"""
