"""The model card: the manifest, told to people."""

from ..manifest import Feature, Manifest


def render(manifest: Manifest) -> str:
    """Write a model card in Markdown."""
    parts = [
        _summary(manifest),
        _use(manifest),
        _figures(manifest),
        _features(manifest),
        _origin(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(manifest: Manifest) -> str:
    labels = ", ".join(_code(label) for label in manifest.labels)
    return (
        f"# Model card: {manifest.dataset.name}, version {manifest.version}\n\n"
        f"Predicts `{manifest.target}`, one of {labels}, from {len(manifest.features)} features. "
        f"A scikit-learn `{manifest.model.estimator}`, exported to ONNX "
        f"({manifest.model.size:,} bytes)."
    )


def _use(manifest: Manifest) -> str:
    return (
        "## Use and limits\n\n"
        f"- Made for rows like those of the data set `{manifest.dataset.name}`. The service "
        "refuses values it cannot read; values beyond what training saw get an answer, but "
        "nobody has checked how good it is.\n"
        "- Training weighs every label the same, however rare, if the estimator takes weights: "
        "probabilities of rare labels come out higher than their share of the data.\n"
        "- Not examined: fairness between groups of people, and attacks. Do so before it "
        "decides anything about anyone."
    )


def _figures(manifest: Manifest) -> str:
    metrics, data = manifest.metrics, manifest.dataset
    candidates = ", ".join(f"{name} {score:.4f}" for name, score in metrics.candidates.items())
    rows = "\n".join(
        f"| {_code(label.label)} | {label.precision:.4f} | {label.recall:.4f} | {label.rows} |"
        for label in metrics.per_label
    )
    return (
        "## Figures\n\n"
        f"On {data.held_out_rows:,} held-out rows, by the exported model:\n\n"
        "| figure | value |\n|---|---|\n"
        f"| accuracy | {metrics.accuracy:.4f} |\n"
        f"| always the most frequent label | {metrics.baseline_accuracy:.4f} |\n"
        f"| balanced accuracy | {metrics.balanced_accuracy:.4f} |\n"
        f"| macro F1 | {metrics.macro_f1:.4f} |\n"
        f"| log loss | {metrics.log_loss:.4f} |\n"
        f"| largest difference from scikit-learn | {metrics.onnx_max_difference:.1e} |\n\n"
        f"{metrics.cv_folds}-fold cross-validation on {data.train_rows:,} training rows: accuracy "
        f"{metrics.cv_accuracy:.4f} ± {metrics.cv_accuracy_std:.4f}; balanced accuracy of the "
        f"candidates: {candidates}.\n\n"
        f"| label | precision | recall | held-out rows |\n|---|---|---|---|\n{rows}"
    )


def _features(manifest: Manifest) -> str:
    if manifest.image is not None:
        height, width = manifest.image
        highest = max(feature.maximum or 0 for feature in manifest.features)
        return f"## Features\n\nImages of {height} x {width} pixels with values 0 to {highest:g}."
    rows = "\n".join(
        f"| {_code(feature.name)} | {_values(feature)} | {'yes' if feature.nullable else 'no'} |"
        for feature in manifest.features
    )
    head = "| feature | values in training | may be missing |\n|---|---|---|"
    return f"## Features\n\n{head}\n{rows}"


def _values(feature: Feature) -> str:
    if feature.kind == "numeric":
        return f"{feature.minimum:g} to {feature.maximum:g}"
    return ", ".join(_code(category) for category in feature.categories)


def _origin(manifest: Manifest) -> str:
    made = manifest.provenance
    commit = made.git_commit or "not in a git repository"
    dirty = " with uncommitted changes" if made.git_dirty else ""
    libraries = ", ".join(f"{name} {number}" for name, number in made.libraries.items())
    return (
        "## Origin\n\n"
        f"- Data: {manifest.dataset.rows:,} rows, sha256 `{manifest.dataset.sha256}`\n"
        f"- Code: {commit}{dirty}\n"
        f"- Seed: {made.seed}\n"
        f"- Made with: Python {made.python}, {libraries}\n"
        f"- sha256 of `model.onnx`: `{manifest.model.sha256}`"
    )


def _code(text: str) -> str:
    """Show a name from the data as it is, whatever Markdown would make of it."""
    safe = text.replace("|", "\\|").replace("\n", " ")
    fence = "``" if "`" in safe else "`"
    pad = " " if "`" in safe else ""
    return f"{fence}{pad}{safe}{pad}{fence}"
