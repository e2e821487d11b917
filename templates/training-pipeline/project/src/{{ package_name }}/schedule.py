"""Run on a schedule: with cron, a systemd timer, or a loop in a container."""

import logging
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cronsim import CronSim, CronSimError

from .errors import ConfigError, PipelineError

NIGHTLY = "0 3 * * *"
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FIELDS = 5

logger = logging.getLogger(__name__)


def validate_cron(cron: str) -> str:
    """Validate a cron expression: minute, hour, day, month and weekday.

    Raises:
        ConfigError: The expression is invalid.
    """
    try:
        CronSim(cron, datetime.now().astimezone())
        fields = len(cron.split())
    except CronSimError as error:
        raise ConfigError(f"{cron!r} is not a valid schedule: {error}") from error
    if fields != _FIELDS:
        raise ConfigError(f"{cron!r} is not a valid schedule: use five fields, like {NIGHTLY!r}")
    return cron


def crontab_line(cron: str, folder: Path, command: str, name: str) -> str:
    """Format the crontab line; cron treats `%` as a newline, so it is escaped."""
    log = shlex.quote(str(folder / "var" / "cron.log"))
    job = f"cd {shlex.quote(str(folder))} && mkdir -p var && {command} >> {log} 2>&1"
    return f"{validate_cron(cron)} {job} # {name}".replace("%", r"\%")


def install_crontab(line: str, name: str) -> None:
    """Install the line in the user's crontab, replacing a line with the same name.

    Raises:
        PipelineError: The `crontab` command is missing, or it fails.
    """
    kept = [old for old in _crontab("-l").splitlines() if not old.endswith(f"# {name}")]
    _crontab("-", "\n".join([*kept, line]) + "\n")


def systemd_units(cron: str, folder: Path, command: str, name: str) -> dict[str, str]:
    """Render a systemd service and its timer: file name -> contents."""
    escaped = str(folder).replace("%", "%%")
    service = f"""[Unit]
Description=Training pipeline {name}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={escaped}
ExecStart={command.replace("%", "%%")}
# Exit status 75: the tracking server is unavailable; the run is kept, and the next run sends it.
SuccessExitStatus=75
TimeoutStartSec=12h
Nice=10
"""
    timer = f"""[Unit]
Description=Schedule of training pipeline {name}

[Timer]
OnCalendar={on_calendar(cron)}
# Catch up on a run that was missed because the machine was off.
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{name}.service": service, f"{name}.timer": timer}


def on_calendar(cron: str) -> str:
    """Translate a cron expression to systemd's calendar syntax.

    Raises:
        ConfigError: It restricts both day and weekday: cron runs if either matches, a systemd
            timer only if both do.
    """
    minute, hour, day, month, weekday = validate_cron(cron).split()
    if "*" not in (day, weekday):
        raise ConfigError(
            f"{cron!r} restricts both day and weekday: cron runs if either matches, a timer only "
            "if both do. Leave one of them as *"
        )
    days = "" if weekday == "*" else _weekdays(weekday) + " "
    date = f"*-{_convert_field(month, 1)}-{_convert_field(day, 1)}"
    return f"{days}{date} {_convert_field(hour, 0)}:{_convert_field(minute, 0)}:00"


def loop(
    cron: str, run: Callable[[], object], now: Callable[[], datetime], max_runs: int = 0
) -> None:
    """Call `run` at every scheduled time: cron for a container.

    A time that passes while a run is in progress is skipped.

    Args:
        cron: The schedule.
        run: Called at every scheduled time.
        now: Returns the current time.
        max_runs: Stop after this many calls; 0 means never.
    """
    done = 0
    while not max_runs or done < max_runs:
        moment = next(CronSim(validate_cron(cron), now()))
        logger.info("waiting", extra={"facts": {"until": moment.isoformat(timespec="minutes")}})
        # Short sleeps, because a long one does not notice when the clock is adjusted.
        while (remaining := (moment - now()).total_seconds()) > 0:
            time.sleep(min(remaining, 30))
        run()
        done += 1


def _crontab(*arguments: str) -> str:
    text = arguments[1] if len(arguments) > 1 else None
    try:
        done = subprocess.run(  # noqa: S603 - crontab with fixed arguments
            ["crontab", arguments[0]],  # noqa: S607 - whichever cron is installed here
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise PipelineError(
            "crontab was not found on this machine: install cron, or use a systemd timer "
            "(KIND=systemd)"
        ) from None
    if done.returncode and arguments[0] != "-l":  # `-l` fails if the crontab is empty
        raise PipelineError(f"crontab failed: {done.stderr.strip()}")
    return done.stdout


def _convert_field(field: str, first: int) -> str:
    """Translate one field: `*/5` counts from the first value, `1-5` is a range."""
    return ",".join(_convert_part(part, first) for part in field.split(","))


def _convert_part(part: str, first: int) -> str:
    values, slash, step = part.partition("/")
    if values == "*" and slash:
        return f"{first}/{step}"
    values = values.replace("-", "..")
    return f"{values}/{step}" if slash else values


def _weekdays(field: str) -> str:
    if not re.fullmatch(r"[0-7](-[0-7])?(,[0-7](-[0-7])?)*", field):
        raise ConfigError(f"weekday {field!r}: write days as numbers, like 1-5 or 0,6")
    numbers: list[int] = []
    for part in field.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return ",".join(dict.fromkeys(_DAYS[number] for number in numbers))
