"""Mistakes that people can mend: the message says what is wrong, and where."""

EXIT_FAILED = 1
EXIT_UNSENT = 75
"""The tracking server is away: what sysexits.h calls a temporary failure."""


class PipelineError(Exception):
    """Something that stops a run or a command; shown without a traceback."""


class ConfigError(PipelineError):
    """The configuration cannot be used."""


class DataError(PipelineError):
    """The data cannot be used; the message names columns and rows."""


class RegistryError(PipelineError):
    """A model is missing from the registry, or is not what it should be."""


class TrackingError(PipelineError):
    """The tracking server does not do what it is asked."""


class LostServerError(TrackingError):
    """The tracking server is away, or has trouble of its own; later it may well answer."""
