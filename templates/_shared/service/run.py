"""Runs a service from start to stop: what its `python -m` does."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from starlette.types import ASGIApp

from .. import logs
from .health import Lifecycle
from .server import serve
from .settings import ServiceSettings, SettingsError, format_errors

Settings = TypeVar("Settings", bound=ServiceSettings)


def run(
    read_settings: Callable[[], Settings],
    create_app: Callable[[Settings, Lifecycle], ASGIApp],
    expected: type[Exception],
) -> int:
    """Serve until told to stop; return the exit code.

    Args:
        read_settings: Reads the settings.
        create_app: Creates the app.
        expected: An error of creating the app whose message is all that a user needs to see.
    """
    try:
        settings = read_settings()
        logs.configure(settings.log_level, settings.log_format)
        lifecycle = Lifecycle()
        serve(create_app(settings, lifecycle), settings, lifecycle)
    except ValidationError as error:
        messages = format_errors(error)
    except (SettingsError, expected) as error:
        messages = [str(error)]
    else:
        return 0
    for message in messages:
        print(f"error: {message}", file=sys.stderr)  # noqa: T201 - for whoever starts it
    return 1
