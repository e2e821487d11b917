"""Run on a schedule: by cron, by a systemd timer, or by a loop in a container."""

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


def check(cron: str) -> str:
    """Make sure that a schedule is one: minute, hour, day, month and weekday.

    Raises:
        ConfigError: It is not.
    """
    try:
        CronSim(cron, datetime.now().astimezone())
        fields = len(cron.split())
    except CronSimError as error:
        raise ConfigError(f"{cron!r} is no schedule: {error}") from error
    if fields != _FIELDS:
        raise ConfigError(f"{cron!r} is no schedule: it needs five fields, like {NIGHTLY!r}")
    return cron


def crontab_line(cron: str, folder: Path, command: str, name: str) -> str:
    """Write the line for a crontab; cron takes `%` for a line's end, so it is escaped."""
    log = shlex.quote(str(folder / "var" / "cron.log"))
    job = f"cd {shlex.quote(str(folder))} && mkdir -p var && {command} >> {log} 2>&1"
    return f"{check(cron)} {job} # {name}".replace("%", r"\%")


def install_crontab(line: str, name: str) -> None:
    """Put the line into the user's crontab, in the place of the one with the same name.

    Raises:
        PipelineError: There is no cron here.
    """
    kept = [old for old in _crontab("-l").splitlines() if not old.endswith(f"# {name}")]
    _crontab("-", "\n".join([*kept, line]) + "\n")


def systemd_units(cron: str, folder: Path, command: str, name: str) -> dict[str, str]:
    """Write the service and its timer: file name -> contents."""
    escaped = str(folder).replace("%", "%%")
    service = f"""[Unit]
Description=Training pipeline {name}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={escaped}
ExecStart={command.replace("%", "%%")}
# Exit status 75: the tracking server is away; the run is kept and sent by the next one.
SuccessExitStatus=75
TimeoutStartSec=12h
Nice=10
"""
    timer = f"""[Unit]
Description=Schedule of training pipeline {name}

[Timer]
OnCalendar={on_calendar(cron)}
# A run that was missed because the machine was off is caught up on.
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{name}.service": service, f"{name}.timer": timer}


def on_calendar(cron: str) -> str:
    """Translate a cron schedule into systemd's words.

    Raises:
        ConfigError: It restricts both day and weekday: cron means either, systemd both.
    """
    minute, hour, day, month, weekday = check(cron).split()
    if "*" not in (day, weekday):
        raise ConfigError(
            f"{cron!r} restricts both day and weekday: cron runs on either, a timer only on both. "
            "Leave one of them as *"
        )
    days = "" if weekday == "*" else _weekdays(weekday) + " "
    date = f"*-{_systemd(month, 1)}-{_systemd(day, 1)}"
    return f"{days}{date} {_systemd(hour, 0)}:{_systemd(minute, 0)}:00"


def loop(
    cron: str, run: Callable[[], object], now: Callable[[], datetime], rounds: int = 0
) -> None:
    """Call `run` whenever it is time, for ever or so many rounds: a container's own cron.

    A time that passes while a run is in progress is left out.
    """
    done = 0
    while not rounds or done < rounds:
        moment = next(CronSim(check(cron), now()))
        logger.info("waiting", extra={"facts": {"until": moment.isoformat(timespec="minutes")}})
        # In short steps, since sleep does not notice when the clock is set.
        while (left := (moment - now()).total_seconds()) > 0:
            time.sleep(min(left, 30))
        run()
        done += 1


def _crontab(*arguments: str) -> str:
    text = arguments[1] if len(arguments) > 1 else None
    try:
        done = subprocess.run(  # noqa: S603 - crontab and fixed words
            ["crontab", arguments[0]],  # noqa: S607 - whichever cron is installed here
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise PipelineError(
            "there is no crontab on this machine: install cron, or use a systemd timer "
            "(KIND=systemd)"
        ) from None
    if done.returncode and arguments[0] != "-l":  # an empty crontab is an error to `-l`
        raise PipelineError(f"crontab refused: {done.stderr.strip()}")
    return done.stdout


def _systemd(field: str, first: int) -> str:
    """Translate one field: `*/5` counts from the first value, `1-5` is a range."""
    return ",".join(_part(part, first) for part in field.split(","))


def _part(part: str, first: int) -> str:
    span, slash, pace = part.partition("/")
    if span == "*" and slash:
        return f"{first}/{pace}"
    spread = span.replace("-", "..")
    return f"{spread}/{pace}" if slash else spread


def _weekdays(field: str) -> str:
    if not re.fullmatch(r"[0-7](-[0-7])?(,[0-7](-[0-7])?)*", field):
        raise ConfigError(f"weekday {field!r}: name days by number, like 1-5 or 0,6")
    numbers: list[int] = []
    for part in field.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return ",".join(dict.fromkeys(_DAYS[number] for number in numbers))
