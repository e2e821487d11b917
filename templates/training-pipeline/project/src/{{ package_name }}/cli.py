"""The command line: `python -m <package> <command>`.

What a command needs is imported when it runs, so that `--help` and a trigger that finds a run
in progress cost next to nothing.
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
from .errors import EXIT_FAILED, EXIT_UNSENT, ConfigError, LostServerError, PipelineError
from .runs import Run
from .settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Returns:
        Exit status: 0 if all is well, EXIT_FAILED or EXIT_UNSENT.
    """
    options = _parser().parse_args(arguments)
    try:
        settings = _settings()
        logs.configure(settings.log_level, settings.log_format)
        return int(options.do(options, settings))
    except PipelineError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNSENT if isinstance(error, LostServerError) else EXIT_FAILED


def say(line: str) -> None:
    """Tell the person at the keyboard; logs go to standard error."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _run(options: argparse.Namespace, settings: Settings) -> int:
    from . import hook, runner  # noqa: PLC0415

    try:
        config = _config(options)
    except ConfigError as error:
        facts = {"pipeline": str(options.config), "state": "failed", "error": str(error)}
        hook.tell(facts, settings)
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

    return worker.work(options.folder, settings)


def _contract(options: argparse.Namespace, _settings: Settings) -> int:
    from . import contract, ingest  # noqa: PLC0415

    drafted = contract.infer(ingest.read(options.table, options.query), options.target, options.key)
    if options.output.exists():
        raise PipelineError(f"{options.output} is there already: remove it, or name another file")
    options.output.write_text(contract.dump(drafted), encoding="utf-8")
    say(f"Wrote {options.output}: {len(drafted.columns)} columns. Tighten what it allows, then set")
    say(f"data.source={options.table} and data.contract={options.output} in the configuration.")
    return 0


def _predict(options: argparse.Namespace, settings: Settings) -> int:
    from . import predict, tracking  # noqa: PLC0415

    with tracking.session(settings) as tracker:
        answer = predict.predict(_config(options), tracker, options.input, options.output)
    say(
        f"Wrote {answer.height} predictions of version {answer['model_version'][0]} "
        f"to {options.output}"
    )
    return 0


def _promote(options: argparse.Namespace, settings: Settings) -> int:
    from . import registry, tracking  # noqa: PLC0415

    name = _config(options).name
    with tracking.session(settings) as tracker:
        registry.fetch(tracker, tracker.client.get_model_version(name, options.version))
        registry.promote(tracker, name, options.version)
    say(f"Version {options.version} of {name} is the champion now.")
    return 0


def _rollback(options: argparse.Namespace, settings: Settings) -> int:
    from . import registry, tracking  # noqa: PLC0415

    name = _config(options).name
    with tracking.session(settings) as tracker:
        before, now = registry.rollback(tracker, name)
    say(f"Rolled back {name}: version {now} is the champion again, in the place of {before}.")
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
            say("A run is in progress: it sends what is left.")
            return 0
        left = worker.reconcile(settings, tracking.connect(settings))
    for run in left:
        say(f"{run.key}: {run.state}{'' if run.reported else ', still not sent'}")
    say("Nothing was left to send." if not left else f"Dealt with {len(left)} run(s).")
    return 0 if all(run.reported for run in left) else EXIT_UNSENT


def _health(_options: argparse.Namespace, settings: Settings) -> int:
    from . import runner  # noqa: PLC0415

    last = runs.folders(settings.var)[-1:]
    if not last:
        say("No run yet.")
        return 0
    run = runs.read(last[0])
    if run.state == "running" and not runner.in_progress(settings.var):
        say(f"Run {run.key}: died in step {run.step}; the next run records it as failed")
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
            "Switch on: systemctl --user daemon-reload; "
            f"systemctl --user enable --now {config.name}.timer"
        )
    return 0


def summary(run: Run) -> list[str]:
    """Say for people how a run ended and why."""
    loss = run.config.gate.loss
    if run.state == "failed":
        return [f"Run {run.key} failed in step {run.step}: {run.error}"]
    measured = f"{loss} {run.metrics[loss]:.4g} on {run.tags['data.rows.held_out']} held-out rows"
    lines = [f"Run {run.key}: {run.params['estimator']}, {measured}"]
    if run.decision is None:
        return [*lines, "The tracking server is lost: the run is kept and sent by the next one."]
    verdict = "promoted" if run.decision.promote else "not promoted"
    return [*lines, f"Version {run.version} {verdict}: {'; '.join(run.decision.reasons)}"]


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigError(f"settings (APP_... or .env): {configs.describe(error)}") from error


def _config(options: argparse.Namespace) -> configs.Config:
    return configs.load(options.config, options.set)


def _flags(options: argparse.Namespace) -> list[str]:
    overrides = [word for value in options.set for word in ("--set", value)]
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
        name: str, do: object, text: str, *, shared: bool = True
    ) -> argparse.ArgumentParser:
        parents = [common] if shared else []
        added = commands.add_parser(name, help=text, description=text, parents=parents)
        added.set_defaults(do=do)
        return added

    command("run", _run, "Run the pipeline once, unless a run is in progress.")
    contract = command("contract", _contract, "Draft a data contract.", shared=False)
    contract.add_argument("table", help="a .csv or .parquet file, or a database URL")
    contract.add_argument("--target", required=True, help="column to predict")
    contract.add_argument("--key", help="column that tells rows apart")
    contract.add_argument("--query", help="SQL, for a database")
    contract.add_argument("--output", type=Path, required=True)
    predict = command("predict", _predict, "Predict a table with the champion.")
    predict.add_argument("input")
    predict.add_argument("output", type=Path)
    promote = command("promote", _promote, "Make a version the champion by hand.")
    promote.add_argument("version")
    command("rollback", _rollback, "Make the champion before this one the champion again.")
    report = command("report", _report, "Write a page with the latest runs and the champion.")
    report.add_argument("--output", type=Path, default=Path("report.html"))
    command("health", _health, "Tell how the last run on this machine ended.", shared=False)
    command("sync", _sync, "Send runs that could not be recorded when they ran.")
    schedule = command("schedule", _schedule, "Run on a schedule.")
    schedule.add_argument("kind", choices=["cron", "systemd", "loop"])
    schedule.add_argument("--cron", default="0 3 * * *", help="default: %(default)s")
    schedule.add_argument("--install", action="store_true", help="set it up, not only print it")
    worker = command("worker", _worker, "Do a run that has been created.", shared=False)
    worker.add_argument("folder", type=Path)
    return parser
