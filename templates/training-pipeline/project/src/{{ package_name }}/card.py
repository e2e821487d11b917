"""The model card: what a model is and what it is worth, for people."""

from .contract import Contract
from .runs import Run


def write(run: Run, contract: Contract) -> str:
    """Write the card of a run that has been measured, in Markdown."""
    config, tags = run.config, run.tags
    target = contract.columns[contract.target]
    what = f"one of {', '.join(sorted(target.categories))}" if target.categories else "a number"
    figures = "\n".join(f"| {name} | {value:.4g} |" for name, value in run.metrics.items())
    used = "\n".join(f"| {name} | {value} |" for name, value in run.params.items())
    features = ", ".join(f"`{name}`" for name in contract.features)
    return f"""# {config.name}

Predicts `{contract.target}` ({what}) from {len(contract.features)} columns: {features}.

- Trained on {tags["data.rows.train"]} rows of `{config.data.source}`, measured on \
{tags["data.rows.held_out"]} others that it has not seen. Data: sha256 `{tags["data.sha256"]}`.
- Code: sha256 `{tags["code.sha256"]}`, commit \
{tags.get("mlflow.source.git.commit", "unknown")}.
- Rows outside the limits of the data contract are refused; within them, trust it as far as the
  figures go, and no further than the kind of data it was trained on.

| figure on held-out rows | value |
| --- | --- |
{figures}

| parameter | value |
| --- | --- |
{used}
"""
