"""Errors that are not bugs; commands print each as one message and exit with its code."""


class ProjectError(Exception):
    """Base class. The message says what is wrong, where, and what to do next.

    Attributes:
        code: Exit code of the command.
    """

    code = 1


class DataError(ProjectError):
    """The data violates the contract."""

    code = 3


class ModelError(ProjectError):
    """A model is missing, damaged, or does not match its manifest."""

    code = 4


class StateError(ProjectError):
    """The state of the repository does not allow the command."""

    code = 5


class IntegrityError(ProjectError):
    """An object that a version needs is missing or damaged."""

    code = 6


class RegistryError(ProjectError):
    """The registry is unavailable, or disagrees with git."""

    code = 7
