"""Opens the store that the settings select."""

from ..records import UserError
from ..settings import Settings
from .base import Store


def open_store(settings: Settings, dimensions: int) -> Store:
    """Open the store, and create it if it doesn't exist.

    Args:
        settings: Which store to use, and where it is.
        dimensions: Dimensions of the vectors.

    Raises:
        UserError: It can't be reached, or its client library is not installed.
    """
    try:
        if settings.store == "qdrant":
            from .qdrant import connect as connect_qdrant  # noqa: PLC0415 - needs an extra

            return connect_qdrant(settings, dimensions)
        if settings.store == "pgvector":
            from .pgvector import connect as connect_postgres  # noqa: PLC0415 - needs an extra

            return connect_postgres(settings, dimensions)
    except ImportError as error:
        raise UserError(
            f"APP_STORE={settings.store} needs {error.name}, which is not installed. "
            f"Install the extra `{settings.store}`."
        ) from error
    from .embedded import EmbeddedStore  # noqa: PLC0415 - heavy

    return EmbeddedStore(settings.index_path(), dimensions)
