"""What can go wrong that is not a bug; each command turns these into one message and a code."""


class ProjectError(Exception):
    """Base of all. The message says what, where, and what to do next.

    Attributes:
        code: Exit code of the command.
    """

    code = 1


class DataError(ProjectError):
    """The data is not what the contract says."""

    code = 3


class ModelError(ProjectError):
    """A model is missing, damaged, or not what its manifest says."""

    code = 4


class StateError(ProjectError):
    """The repository is not in a state in which this can be done."""

    code = 5


class IntegrityError(ProjectError):
    """Something that a version needs is missing or damaged."""

    code = 6


class RegistryError(ProjectError):
    """The registry cannot be reached, or says something else than git does."""

    code = 7
