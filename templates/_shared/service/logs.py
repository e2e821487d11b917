"""The one place that configures logging: a JSON object per line, or plain text for people."""

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

LogFormat = Literal["json", "text"]

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Id of the request being answered; every line logged in the meantime carries it."""


def configure(level: str = "INFO", log_format: LogFormat = "json") -> None:
    """Send all logs to standard error, in one format.

    Facts go beside the message, not into it: `logger.info("saved", extra={"facts": {...}})`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(log_format))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def formatter(log_format: LogFormat) -> logging.Formatter:
    """Return the formatter that `configure` uses, for handlers that write elsewhere."""
    return _Json() if log_format == "json" else _Text()


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = dict(getattr(record, "facts", {}))
    if current := request_id.get():
        facts["request_id"] = current
    return facts


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        line = f"{clock} {record.levelname:<7} {record.getMessage()} {facts}".rstrip()
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
