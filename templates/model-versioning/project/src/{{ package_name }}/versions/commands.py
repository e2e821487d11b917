"""What each subcommand of `versions` does: call the library, and put the result into words."""

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


class FoundError(ProjectError):
    """The command did its work, and what it found is bad; the message is what it prints."""

    def __init__(self, data: Any, text: str, code: int) -> None:
        super().__init__(text)
        self.data = data
        self.code = code


@dataclass(frozen=True)
class Context:
    """What every command works on."""

    git: git.Git
    store: store.Store
    settings: Settings

    @cached_property
    def registry(self) -> Registry:
        """The registry, opened by those who need it: MLflow takes seconds."""
        return production.open_registry(self.settings, self.git)

    @property
    def serving(self) -> Path:
        """Where `predict` looks for models."""
        return self.git.root / self.settings.serving_dir

    @cached_property
    def tracking(self) -> tuple[Any, str]:
        """MLflow's client, and the experiment that experiments of DVC are entered into."""
        from . import mlflow_registry as mlflow  # noqa: PLC0415 - MLflow takes seconds to import

        client = mlflow.client(self.settings, self.git.root)
        files = mlflow.files(self.settings, self.git.root)
        name = f"{self.settings.model_name}-experiments"
        return client, mlflow.experiment(client, name, files)


@contextmanager
def context(folder: Path) -> Iterator[Context]:
    """Open the project that a folder is in.

    Raises:
        StateError: It is in none.
    """
    found = git.find(folder)
    with store.opened(found.root) as opened:
        yield Context(found, opened, Settings())


def reproduce(context: Context, _: argparse.Namespace) -> Result:
    """Run what changed."""
    ran = pipeline.reproduce(context.store)
    text = f"ran {', '.join(ran)}" if ran else "nothing changed, so no stage ran"
    return {"ran": ran}, text


def stale(context: Context, _: argparse.Namespace) -> Result:
    """Fail if the lock is stale."""
    if not (context.git.root / pipeline.LOCK_FILE).exists():
        return {"stale": []}, "there is no dvc.lock yet, so none that could be stale"
    if stages := pipeline.stale(context.store):
        raise FoundError(
            {"stale": stages},
            f"dvc.lock is stale: {', '.join(stages)} would run. `make run`, then commit",
            StateError.code,
        )
    return {"stale": []}, "dvc.lock describes this tree"


def list_(context: Context, _: argparse.Namespace) -> Result:
    """List the versions."""
    found = releases.releases(context.git)
    if not found:
        return [], "no version yet: `versions release 1.0.0` makes the first"
    now = registry.production(context.registry.events())
    rows: list[dict[str, Any]] = [
        {
            "version": each.version,
            "production": each.version == now,
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


def compare_(context: Context, chosen: argparse.Namespace) -> Result:
    """Compare two versions."""
    found = compare.compare(context.git, context.store, chosen.one, chosen.other)
    return compare.as_json(found), compare.as_text(found)


def lineage_(context: Context, chosen: argparse.Namespace) -> Result:
    """Tell where a version comes from."""
    found = lineage.lineage(context.git, context.registry, chosen.version)
    text = lineage.as_text(found)
    if chosen.picture:
        from .picture import draw_lineage  # noqa: PLC0415 - matplotlib takes a second

        draw_lineage(found, chosen.picture)
        text += f"\n  picture    {chosen.picture}"
    return lineage.as_json(found), text


def release_(context: Context, chosen: argparse.Namespace) -> Result:
    """Make a version."""
    made = release.release(context.git, context.store, chosen.version)
    name = context.registry.register(made, production.content(context.store, made))
    text = f"released {made.version}: commit {made.commit[:8]}, registered as {name}"
    return made.manifest.model_dump(), text


def promote(context: Context, chosen: argparse.Namespace) -> Result:
    """Put a version into production."""
    now = production.promote(
        context.git, context.store, context.registry, context.serving, chosen.version
    )
    return {"production": now.version}, f"{now.version} is in production"


def rollback(context: Context, _: argparse.Namespace) -> Result:
    """Put the version before back."""
    was, now = production.rollback(context.git, context.store, context.registry, context.serving)
    text = f"{now.version} is in production again, in place of {was}"
    return {"production": now.version, "was": was}, text


def serve(context: Context, chosen: argparse.Namespace) -> Result:
    """Put the version in production where predict finds it."""
    if chosen.unreleased:
        production.serve_unreleased(context.git, context.store, context.serving)
        return {"serving": "unreleased"}, f"{context.serving} serves the model of this tree"
    now = production.serve(context.git, context.store, context.registry, context.serving)
    return {"serving": now.version}, f"{context.serving} serves {now.version}"


def sync(context: Context, _: argparse.Namespace) -> Result:
    """Enter all versions into the registry."""
    names = production.sync(context.git, context.store, context.registry)
    lines = [f"{version} is registered as {name}" for version, name in names.items()]
    return names, "\n".join(lines) or "no version yet"


def verify_(context: Context, chosen: argparse.Namespace) -> Result:
    """Check the objects of every version."""
    wanted = (
        [releases.find(context.git, version) for version in chosen.version]
        if chosen.version
        else releases.releases(context.git)
    )
    found = verify.verify(context.store, wanted, quick=chosen.quick)
    problems, lines = list(found.problems), []
    if chosen.repair:
        done, problems = verify.repair(context.store, problems)
        lines = [f"put right: {each}" for each in done]
    lines += [str(each) for each in problems]
    how = "are there" if chosen.quick else "are there, and whole"
    lines.append(
        f"{found.objects} objects of {len(found.versions)} versions: "
        + (f"{len(problems)} problems" if problems else f"all {how}")
        + (f"; {len(found.absent)} of them not on this machine" if found.absent else "")
    )
    data = asdict(found) | {"problems": [asdict(each) for each in problems]}
    if problems:
        raise FoundError(data, "\n".join(lines), IntegrityError.code)
    return data, "\n".join(lines)


def gc_(context: Context, chosen: argparse.Namespace) -> Result:
    """Clear up."""
    waste = gc.find(context.git, context.store, days=chosen.days)
    counts = f"{len(waste.remote)} objects in the remote, {len(waste.cache)} on this machine"
    if waste.young:
        counts += f" ({len(waste.young)} more in the remote are too new)"
    if chosen.yes:
        gc.remove(context.git, context.store, waste)
        return asdict(waste), f"removed {counts}; kept {waste.kept}"
    return asdict(waste), f"nothing needs {counts}; --yes removes them. {waste.kept} are needed"


def try_(context: Context, chosen: argparse.Namespace) -> Result:
    """Run experiments."""
    experiments.enqueue(context.store, chosen.settings)
    ran, failed = experiments.run_queue(context.store)
    data, text = experiments_(context, chosen)
    if failed:
        raise FoundError(data, f"{text}\n{failed} of {ran + failed} failed", ProjectError.code)
    return data, text


def experiments_(context: Context, _: argparse.Namespace) -> Result:
    """List experiments, and see to it that MLflow has them."""
    found = experiments.experiments(context.git, context.store)
    if not found:
        return [], "no experiment of this commit: `versions try train.freedom=0.1,10` runs two"
    client, name = context.tracking
    experiments.track(client, name, found)
    base = state.state(context.git, context.store, "HEAD")
    lines = [f"{'':<16} {'accuracy':>8} {'log loss':>8}  parameters that differ"]
    for each_name, params, metrics in [
        ("(this commit)", base.params, base.metrics),
        *((each.name, each.params, each.metrics) for each in found),
    ]:
        other = compare.changes(base.params, params)
        differing = ", ".join(f"{key}={after}" for key, (_, after) in other.items())
        accuracy, loss = (compare.number(metrics.get(n)) for n in ("accuracy", "log_loss"))
        lines.append(f"{each_name:<16} {accuracy:>8} {loss:>8}  {differing}".rstrip())
    return [asdict(each) for each in found], "\n".join(lines)


def keep(context: Context, chosen: argparse.Namespace) -> Result:
    """Keep an experiment."""
    experiments.keep(context.store, chosen.name)
    client, name = context.tracking
    experiments.note(client, name, [chosen.name], "kept")
    return {"kept": chosen.name}, f"{chosen.name} is in the working tree: look at it, then commit"


def drop(context: Context, chosen: argparse.Namespace) -> Result:
    """Throw experiments away."""
    gone = experiments.drop(context.store, chosen.name)
    client, name = context.tracking
    experiments.note(client, name, gone, "dropped")
    return {"dropped": gone}, f"dropped {', '.join(gone)}; MLflow keeps their figures"


def report_(context: Context, chosen: argparse.Namespace) -> Result:
    """Write the report."""
    found = compare.compare(context.git, context.store, chosen.base, state.TREE)
    path = report.write(context.git, found, chosen.folder)
    return {"report": str(path)}, f"{path} compares this tree with {chosen.base}"
