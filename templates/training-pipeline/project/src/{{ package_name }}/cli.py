"""The command line: `python -m <package> <command>`.

Each command imports its dependencies when it runs, so `--help` and a trigger that finds a run in
progress stay cheap.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from . import config as configs
from . import logs, runs
from .defaults import CONFIG
from .errors import EXIT_FAILED, EXIT_UNSENT, ConfigError, PipelineError, ServerUnavailableError
from .runs import Run
from .settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command given by the arguments.

    Returns:
        Exit status: 0 on success, EXIT_FAILED or EXIT_UNSENT.
    """
    options = _parser().parse_args(arguments)
    try:
        settings = _settings()
        logs.configure(settings.log_level, settings.log_format)
        return int(options.handler(options, settings))
    except PipelineError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNSENT if isinstance(error, ServerUnavailableError) else EXIT_FAILED


def say(line: str) -> None:
    """Print a line for the user; logs go to standard error."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _run(options: argparse.Namespace, settings: Settings) -> int:
    from . import notify, runner  # noqa: PLC0415

    try:
        config = _config(options)
    except ConfigError as error:
        facts = {"pipeline": str(options.config), "state": "failed", "error": str(error)}
        notify.run_command(facts, settings)
        raise
    run = runner.trigger(config, settings)
    if run is None:
        say("Skipped: another run is in progress.")
        return 0
    for line in summary(run):
        say(line)
    if run.state == "failed":
        return EXIT_FAILED
    return 0 if run.reported else EXIT_UNSENT


def _worker(options: argparse.Namespace, settings: Settings) -> int:
    from . import worker  # noqa: PLC0415

    return worker.execute(options.folder, settings)


def _contract(options: argparse.Namespace, _settings: Settings) -> int:
    from . import contract as contracts  # noqa: PLC0415
    from . import ingest  # noqa: PLC0415

    drafted = contracts.infer(
        ingest.read(options.table, options.query), options.target, options.key
    )
    if options.output.exists():
        raise PipelineError(f"{options.output} already exists: remove it, or choose another file")
    options.output.write_text(contracts.dump(drafted), encoding="utf-8")
    say(f"Wrote {options.output}: {len(drafted.columns)} columns. Tighten its limits, then set")
    say(f"data.source={options.table} and data.contract={options.output} in the configuration.")
    return 0


def _predict(options: argparse.Namespace, settings: Settings) -> int:
    from . import predict, tracking  # noqa: PLC0415

    with tracking.session(settings) as tracker:
        predictions = predict.predict(_config(options), tracker, options.input, options.output)
    say(
        f"Wrote {predictions.height} predictions of version {predictions['model_version'][0]} "
        f"to {options.output}"
    )
    return 0


def _promote(options: argparse.Namespace, settings: Settings) -> int:
    from . import registry, tracking  # noqa: PLC0415

    name = _config(options).name
    with tracking.session(settings) as tracker:
        registry.fetch(tracker, tracker.client.get_model_version(name, options.version))
        registry.promote(tracker, name, options.version)
    say(f"Version {options.version} of {name} is now the champion.")
    return 0


def _rollback(options: argparse.Namespace, settings: Settings) -> int:
    from . import registry, tracking  # noqa: PLC0415

    name = _config(options).name
    with tracking.session(settings) as tracker:
        before, now = registry.rollback(tracker, name)
    say(f"Rolled back {name}: version {now} replaces version {before} as the champion.")
    return 0


def _report(options: argparse.Namespace, settings: Settings) -> int:
    from . import report, tracking  # noqa: PLC0415

    with tracking.session(settings) as tracker:
        report.write(_config(options), tracker, options.output)
    say(f"Wrote {options.output}: open it in a browser.")
    return 0


def _sync(_options: argparse.Namespace, settings: Settings) -> int:
    from . import runner, tracking, worker  # noqa: PLC0415

    with runner.lock(settings.var) as descriptor:
        if descriptor is None:
            say("A run is in progress: it sends pending runs first.")
            return 0
        pending = worker.reconcile(settings, tracking.connect(settings))
    for run in pending:
        say(f"{run.key}: {run.state}{'' if run.reported else ', still not sent'}")
    say(f"Processed {len(pending)} pending run(s)." if pending else "No pending runs.")
    return 0 if all(run.reported for run in pending) else EXIT_UNSENT


def _health(_options: argparse.Namespace, settings: Settings) -> int:
    from . import runner  # noqa: PLC0415

    last = runs.folders(settings.var)[-1:]
    if not last:
        say("No run yet.")
        return 0
    run = runs.read(last[0])
    if run.state == "running" and not runner.in_progress(settings.var):
        say(f"Run {run.key}: died in step {run.step}; the next run will record it as failed")
        return EXIT_FAILED
    say(f"Run {run.key}: {run.state}{'' if run.error is None else f', {run.error}'}")
    return EXIT_FAILED if run.state == "failed" else 0


def _schedule(options: argparse.Namespace, settings: Settings) -> int:
    from . import runner, schedule  # noqa: PLC0415

    config = _config(options)
    if options.kind == "loop":
        schedule.loop(
            options.cron,
            lambda: runner.trigger(config, settings),
            lambda: datetime.now().astimezone(),
        )
    command = shlex.join([sys.executable, "-m", __package__ or "", "run", *_flags(options)])
    folder = Path.cwd()
    if options.kind == "cron":
        line = schedule.crontab_line(options.cron, folder, command, config.name)
        if options.install:
            schedule.install_crontab(line, config.name)
        say(f"Installed: {line}" if options.install else line)
        return 0
    units = schedule.systemd_units(options.cron, folder, command, config.name)
    target = Path.home() / ".config" / "systemd" / "user"
    for name, text in units.items():
        if options.install:
            target.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(text, encoding="utf-8")
        say(f"Wrote {target / name}" if options.install else f"# {name}\n{text}")
    if options.install:
        say(
            "Enable it: systemctl --user daemon-reload; "
            f"systemctl --user enable --now {config.name}.timer"
        )
    return 0


def summary(run: Run) -> list[str]:
    """Summarize how a run ended, and why."""
    loss = run.config.gate.loss
    if run.state == "failed":
        return [f"Run {run.key} failed in step {run.step}: {run.error}"]
    result = f"{loss} {run.metrics[loss]:.4g} on {run.tags['data.rows.held_out']} held-out rows"
    lines = [f"Run {run.key}: {run.params['estimator']}, {result}"]
    if run.decision is None:
        return [
            *lines,
            "The tracking server is unavailable: the run is kept, and the next run sends it.",
        ]
    outcome = "promoted" if run.decision.promote else "not promoted"
    return [*lines, f"Version {run.version} {outcome}: {'; '.join(run.decision.reasons)}"]


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigError(f"settings (APP_... or .env): {configs.format_errors(error)}") from error


def _config(options: argparse.Namespace) -> configs.Config:
    return configs.load(options.config, options.set)


def _flags(options: argparse.Namespace) -> list[str]:
    overrides = [argument for value in options.set for argument in ("--set", value)]
    return ["--config", str(options.config), *overrides]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=__package__, description=sys.modules[__package__].__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, default=Path(CONFIG), help="default: %(default)s")
    common.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a value"
    )

    def command(
        name: str, handler: object, text: str, *, with_config: bool = True
    ) -> argparse.ArgumentParser:
        parents = [common] if with_config else []
        added = commands.add_parser(name, help=text, description=text, parents=parents)
        added.set_defaults(handler=handler)
        return added

    command("run", _run, "Run the pipeline once, unless a run is in progress.")
    contract = command("contract", _contract, "Draft a data contract.", with_config=False)
    contract.add_argument("table", help="a .csv, .tsv or .parquet file, or a database URL")
    contract.add_argument("--target", required=True, help="column to predict")
    contract.add_argument("--key", help="column that identifies a row")
    contract.add_argument("--query", help="SQL query, for a database")
    contract.add_argument("--output", type=Path, required=True, help="contract file to write")
    predict = command("predict", _predict, "Predict a table with the champion.")
    predict.add_argument("input", help="a .csv, .tsv or .parquet file, or a built-in table")
    predict.add_argument("output", type=Path, help="a .csv or .parquet file to write")
    promote = command("promote", _promote, "Promote a version to champion by hand.")
    promote.add_argument("version")
    command("rollback", _rollback, "Restore the previous champion.")
    report = command("report", _report, "Write a page with the latest runs and the champion.")
    report.add_argument("--output", type=Path, default=Path("report.html"))
    command("health", _health, "Show how the last run on this machine ended.", with_config=False)
    command("sync", _sync, "Send pending runs to the tracking server.")
    schedule = command("schedule", _schedule, "Run on a schedule.")
    schedule.add_argument("kind", choices=["cron", "systemd", "loop"])
    schedule.add_argument("--cron", default="0 3 * * *", help="default: %(default)s")
    schedule.add_argument(
        "--install", action="store_true", help="install it instead of printing it"
    )
    worker = command("worker", _worker, "Execute a run that was created.", with_config=False)
    worker.add_argument("folder", type=Path)
    return parser
