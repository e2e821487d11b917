"""The subcommands of `versions`: each calls the library and formats the result."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import IntegrityError, ProjectError, StateError
from ..settings import Settings
from . import (
    compare,
    experiments,
    gc,
    git,
    lineage,
    pipeline,
    production,
    registry,
    release,
    releases,
    report,
    state,
    store,
    verify,
)
from .registry import Registry

Result = tuple[Any, str]


class FindingsError(ProjectError):
    """The command succeeded but found problems; the message is its output."""

    def __init__(self, data: Any, text: str, code: int) -> None:
        super().__init__(text)
        self.data = data
        self.code = code


@dataclass(frozen=True)
class Context:
    """What every command works with."""

    git: git.Git
    store: store.Store
    settings: Settings

    @cached_property
    def registry(self) -> Registry:
        """The registry, opened on first use because MLflow takes seconds to import."""
        return production.open_registry(self.settings, self.git)

    @property
    def serving(self) -> Path:
        """The folder in which `predict` looks for models."""
        return self.git.root / self.settings.serving_dir

    @cached_property
    def tracking(self) -> tuple[Any, str]:
        """MLflow's client, and the id of the MLflow experiment for DVC's experiments."""
        from . import mlflow_registry as mlflow  # noqa: PLC0415 - MLflow takes seconds to import

        client = mlflow.client(self.settings, self.git.root)
        files = mlflow.files(self.settings, self.git.root)
        name = f"{self.settings.model_name}-experiments"
        return client, mlflow.experiment(client, name, files)


@contextmanager
def context(folder: Path) -> Iterator[Context]:
    """Open the project that contains a folder.

    Raises:
        StateError: The folder is not in a project.
    """
    repository = git.find(folder)
    with store.open_store(repository.root) as opened:
        yield Context(repository, opened, Settings())


def reproduce(context: Context, _: argparse.Namespace) -> Result:
    """Run the stages whose inputs changed."""
    ran = pipeline.reproduce(context.store)
    text = f"ran {', '.join(ran)}" if ran else "nothing changed, so no stage ran"
    return {"ran": ran}, text


def stale(context: Context, _: argparse.Namespace) -> Result:
    """Fail if the lock file is stale."""
    if not (context.git.root / pipeline.LOCK_FILE).exists():
        return {"stale": []}, "there is no dvc.lock yet, so it cannot be stale"
    if stages := pipeline.stale(context.store):
        raise FindingsError(
            {"stale": stages},
            f"dvc.lock is stale: {', '.join(stages)} would run. Run `make run`, then commit",
            StateError.code,
        )
    return {"stale": []}, "dvc.lock matches the working tree"


def list_(context: Context, _: argparse.Namespace) -> Result:
    """List the versions."""
    found = releases.releases(context.git)
    if not found:
        return [], "no versions yet: release the first with `versions release 1.0.0`"
    in_production = registry.production(context.registry.events())
    rows: list[dict[str, Any]] = [
        {
            "version": each.version,
            "production": each.version == in_production,
            "commit": each.commit,
            "data": each.manifest.data.md5,
            "model": each.manifest.model.md5,
            "accuracy": each.manifest.metrics.get("accuracy"),
            "registered": context.registry.name_of(each.version),
            "date": each.date,
            "author": each.author,
        }
        for each in found
    ]
    lines = [f"{'version':<10} {'commit':<9} {'data':<9} {'model':<9} {'accuracy':>8}  registered"]
    lines += [
        f"{row['version']:<10} {row['commit'][:8]:<9} {row['data'][:8]:<9} {row['model'][:8]:<9} "
        f"{compare.number(row['accuracy']):>8}  {row['registered'] or 'no'}"
        f"{'  <- production' if row['production'] else ''}"
        for row in rows
    ]
    return rows, "\n".join(lines)


def compare_(context: Context, options: argparse.Namespace) -> Result:
    """Compare two versions."""
    comparison = compare.compare(context.git, context.store, options.one, options.other)
    return compare.as_json(comparison), compare.as_text(comparison)


def lineage_(context: Context, options: argparse.Namespace) -> Result:
    """Show where a version comes from."""
    found = lineage.lineage(context.git, context.registry, options.version)
    text = lineage.as_text(found)
    if options.picture:
        from .picture import draw_lineage  # noqa: PLC0415 - matplotlib takes a second to import

        draw_lineage(found, options.picture)
        text += f"\n  picture    {options.picture}"
    return lineage.as_json(found), text


def release_(context: Context, options: argparse.Namespace) -> Result:
    """Release the current commit as a version."""
    released = release.release(context.git, context.store, options.version)
    name = context.registry.register(released, production.read_model(context.store, released))
    text = f"released {released.version}: commit {released.commit[:8]}, registered as {name}"
    return released.manifest.model_dump(), text


def promote(context: Context, options: argparse.Namespace) -> Result:
    """Put a version into production."""
    now = production.promote(
        context.git, context.store, context.registry, context.serving, options.version
    )
    return {"production": now.version}, f"{now.version} is in production"


def rollback(context: Context, _: argparse.Namespace) -> Result:
    """Put the previous version back into production."""
    was, now = production.rollback(context.git, context.store, context.registry, context.serving)
    text = f"{now.version} is in production again, replacing {was}"
    return {"production": now.version, "was": was}, text


def serve(context: Context, options: argparse.Namespace) -> Result:
    """Install the version in production for `predict`."""
    if options.unreleased:
        production.serve_unreleased(context.git, context.store, context.serving)
        text = f"{context.serving} serves the model of the working tree"
        return {"serving": "unreleased"}, text
    now = production.serve(context.git, context.store, context.registry, context.serving)
    return {"serving": now.version}, f"{context.serving} serves {now.version}"


def sync(context: Context, _: argparse.Namespace) -> Result:
    """Register all versions in the registry."""
    names = production.sync(context.git, context.store, context.registry)
    lines = [f"{version} is registered as {name}" for version, name in names.items()]
    return names, "\n".join(lines) or "no versions yet"


def verify_(context: Context, options: argparse.Namespace) -> Result:
    """Check the objects of every version."""
    chosen = (
        [releases.find(context.git, version) for version in options.version]
        if options.version
        else releases.releases(context.git)
    )
    found = verify.verify(context.store, chosen, quick=options.quick)
    problems, lines = list(found.problems), []
    if options.repair:
        repaired, problems = verify.repair(context.store, problems)
        lines = [f"repaired: {each}" for each in repaired]
    lines += [str(each) for each in problems]
    all_good = "all present" if options.quick else "all present and intact"
    lines.append(
        f"{found.objects} objects of {len(found.versions)} versions: "
        + (f"{len(problems)} problems" if problems else all_good)
        + (f"; {len(found.absent)} of them not on this machine" if found.absent else "")
    )
    data = asdict(found) | {"problems": [asdict(each) for each in problems]}
    if problems:
        raise FindingsError(data, "\n".join(lines), IntegrityError.code)
    return data, "\n".join(lines)


def gc_(context: Context, options: argparse.Namespace) -> Result:
    """Show or remove objects that nothing needs."""
    garbage = gc.find(context.git, context.store, days=options.days)
    counts = f"{len(garbage.remote)} objects in the remote, {len(garbage.cache)} on this machine"
    if garbage.too_new:
        counts += f" ({len(garbage.too_new)} more in the remote are too new)"
    if options.yes:
        gc.remove(context.git, context.store, garbage)
        return asdict(garbage), f"removed {counts}; kept {garbage.kept}"
    text = f"not needed: {counts}; remove them with --yes. {garbage.kept} objects are needed"
    return asdict(garbage), text


def try_(context: Context, options: argparse.Namespace) -> Result:
    """Run experiments."""
    experiments.enqueue(context.store, options.settings)
    ran, failed = experiments.run_queue(context.store)
    data, text = experiments_(context, options)
    if failed:
        raise FindingsError(data, f"{text}\n{failed} of {ran + failed} failed", ProjectError.code)
    return data, text


def experiments_(context: Context, _: argparse.Namespace) -> Result:
    """List experiments, and log them to MLflow if they are not there yet."""
    found = experiments.experiments(context.git, context.store)
    if not found:
        return [], "no experiments on this commit: `versions try train.C=0.1,10` runs two"
    client, experiment = context.tracking
    experiments.log_to_mlflow(client, experiment, found)
    base = state.load(context.git, context.store, "HEAD")
    lines = [f"{'':<16} {'accuracy':>8} {'log loss':>8}  changed parameters"]
    for name, params, metrics in [
        ("(this commit)", base.params, base.metrics),
        *((each.name, each.params, each.metrics) for each in found),
    ]:
        changes = compare.changes(base.params, params)
        changed = ", ".join(f"{key}={after}" for key, (_, after) in changes.items())
        accuracy, loss = (compare.number(metrics.get(n)) for n in ("accuracy", "log_loss"))
        lines.append(f"{name:<16} {accuracy:>8} {loss:>8}  {changed}".rstrip())
    return [asdict(each) for each in found], "\n".join(lines)


def keep(context: Context, options: argparse.Namespace) -> Result:
    """Apply an experiment to the working tree."""
    experiments.keep(context.store, options.name)
    client, experiment = context.tracking
    experiments.record_outcome(client, experiment, [options.name], "kept")
    text = f"{options.name} is applied to the working tree: review it, then commit"
    return {"kept": options.name}, text


def drop(context: Context, options: argparse.Namespace) -> Result:
    """Delete experiments."""
    dropped = experiments.drop(context.store, options.name)
    client, experiment = context.tracking
    experiments.record_outcome(client, experiment, dropped, "dropped")
    return {"dropped": dropped}, f"dropped {', '.join(dropped)}; MLflow keeps their metrics"


def report_(context: Context, options: argparse.Namespace) -> Result:
    """Write the report."""
    comparison = compare.compare(context.git, context.store, options.base, state.TREE)
    path = report.write(context.git, comparison, options.folder)
    return {"report": str(path)}, f"{path} compares the working tree with {options.base}"
