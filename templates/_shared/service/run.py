"""Runs a service from its settings to its end, as its `python -m` does."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from starlette.types import ASGIApp

from .. import logs
from .health import Lifecycle
from .server import serve
from .settings import ServiceSettings, SettingsError, complaints

Settings = TypeVar("Settings", bound=ServiceSettings)


def run(
    read: Callable[[], Settings],
    create_app: Callable[[Settings, Lifecycle], ASGIApp],
    known: type[Exception],
) -> int:
    """Serve until told to stop; gives the exit code.

    Args:
        read: Reads the settings.
        create_app: Makes the app.
        known: What goes wrong in making it, with a message that says all that a user needs.
    """
    try:
        settings = read()
        logs.set_up(settings.log_level, settings.log_format)
        lifecycle = Lifecycle()
        serve(create_app(settings, lifecycle), settings, lifecycle)
    except ValidationError as error:
        wrong = complaints(error)
    except (SettingsError, known) as error:
        wrong = [str(error)]
    else:
        return 0
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)  # noqa: T201 - said to whoever starts it
    return 1
