"""Errors that users can fix: each message says what is wrong and where."""

EXIT_FAILED = 1
EXIT_UNSENT = 75
"""The tracking server is unavailable: EX_TEMPFAIL in sysexits.h."""


class PipelineError(Exception):
    """Stops a run or a command; shown without a traceback."""


class ConfigError(PipelineError):
    """The configuration is invalid."""


class DataError(PipelineError):
    """The data is invalid; the message names columns and rows."""


class RegistryError(PipelineError):
    """A model is missing from the registry or fails a check."""


class TrackingError(PipelineError):
    """The tracking server refused a request."""


class ServerUnavailableError(TrackingError):
    """The tracking server is unreachable or has an internal error; a retry may succeed."""
