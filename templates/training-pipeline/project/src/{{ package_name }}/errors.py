"""Mistakes that people can mend: the message says what is wrong, and where."""


class PipelineError(Exception):
    """Something that stops a run or a command; shown without a traceback."""


class ConfigError(PipelineError):
    """The configuration cannot be used."""


class DataError(PipelineError):
    """The data cannot be used; the message names columns and rows."""


class RegistryError(PipelineError):
    """A model is missing from the registry, or is not what it should be."""
