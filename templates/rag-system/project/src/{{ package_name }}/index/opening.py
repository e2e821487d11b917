"""Opens the store that the settings name."""

from ..records import UserError
from ..settings import Settings
from .base import Store


def open_store(settings: Settings, dimensions: int) -> Store:
    """The store, ready for use; it is made if it isn't there yet.

    Args:
        settings: Say which store, and where it is.
        dimensions: Length of the vectors.

    Raises:
        UserError: It can't be reached, or its client is not installed.
    """
    try:
        if settings.store == "qdrant":
            from .qdrant import connect as connect_qdrant  # noqa: PLC0415 - an extra

            return connect_qdrant(settings, dimensions)
        if settings.store == "pgvector":
            from .pgvector import connect as connect_postgres  # noqa: PLC0415 - an extra

            return connect_postgres(settings, dimensions)
    except ImportError as error:
        raise UserError(
            f"APP_STORE={settings.store} needs {error.name}, which is not installed: "
            f"add the extra `{settings.store}`."
        ) from error
    from .embedded import Embedded  # noqa: PLC0415 - heavy

    return Embedded(settings.index_path(), dimensions)
