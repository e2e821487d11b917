"""The model card: the manifest in words for people."""

from ..manifest import Feature, Manifest


def render(manifest: Manifest) -> str:
    """Write a model card in Markdown."""
    sections = [
        _summary(manifest),
        _use(manifest),
        _metrics(manifest),
        _features(manifest),
        _provenance(manifest),
    ]
    return "\n\n".join(sections) + "\n"


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
        f"- Intended for rows like those of the data set `{manifest.dataset.name}`. The service "
        "rejects invalid values. It does predict values outside the range seen in training, but "
        "the quality of these predictions is unknown.\n"
        "- Training weights every label equally, however rare, if the estimator supports weights: "
        "probabilities of rare labels are then higher than their share of the data.\n"
        "- Not evaluated: fairness between groups of people, and attacks. Evaluate both before "
        "the model decides anything about people."
    )


def _metrics(manifest: Manifest) -> str:
    metrics, data = manifest.metrics, manifest.dataset
    candidates = ", ".join(f"{name} {score:.4f}" for name, score in metrics.candidates.items())
    rows = "\n".join(
        f"| {_code(label.label)} | {label.precision:.4f} | {label.recall:.4f} | {label.rows} |"
        for label in metrics.per_label
    )
    return (
        "## Metrics\n\n"
        f"The exported model on {data.held_out_rows:,} held-out rows:\n\n"
        "| metric | value |\n|---|---|\n"
        f"| accuracy | {metrics.accuracy:.4f} |\n"
        f"| accuracy of the most frequent label | {metrics.baseline_accuracy:.4f} |\n"
        f"| balanced accuracy | {metrics.balanced_accuracy:.4f} |\n"
        f"| macro F1 | {metrics.macro_f1:.4f} |\n"
        f"| log loss | {metrics.log_loss:.4f} |\n"
        f"| largest difference from scikit-learn | {metrics.onnx_max_difference:.1e} |\n\n"
        f"{metrics.cv_folds}-fold cross-validation on {data.train_rows:,} training rows: accuracy "
        f"{metrics.cv_accuracy:.4f} ± {metrics.cv_accuracy_std:.4f}; balanced accuracy by "
        f"candidate: {candidates}.\n\n"
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


def _provenance(manifest: Manifest) -> str:
    provenance = manifest.provenance
    commit = provenance.git_commit or "not in a git repository"
    dirty = " with uncommitted changes" if provenance.git_dirty else ""
    libraries = ", ".join(f"{name} {number}" for name, number in provenance.libraries.items())
    return (
        "## Provenance\n\n"
        f"- Data: {manifest.dataset.rows:,} rows, sha256 `{manifest.dataset.sha256}`\n"
        f"- Code: {commit}{dirty}\n"
        f"- Seed: {provenance.seed}\n"
        f"- Environment: Python {provenance.python}, {libraries}\n"
        f"- sha256 of `model.onnx`: `{manifest.model.sha256}`"
    )


def _code(text: str) -> str:
    """Show a name from the data verbatim, whatever Markdown it contains."""
    safe = text.replace("|", "\\|").replace("\n", " ")
    fence = "``" if "`" in safe else "`"
    pad = " " if "`" in safe else ""
    return f"{fence}{pad}{safe}{pad}{fence}"
