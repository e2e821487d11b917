"""Ingestion on a Ray cluster: the same steps, on as many processes as there are.

The workers read, cut and embed; this process alone writes to the store. They must find the
documents under the same path, on a shared or mounted file system.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from ..records import UserError
from ..settings import Settings
from .run import Encode, Recipe, Source, Work, encode

AHEAD = 2
"""Documents per worker that are under way at once: enough to keep it busy, and bounded."""


def on_ray(settings: Settings, recipe: Recipe, workers: int, address: str | None = None) -> Encode:
    """Encode documents on a cluster.

    Args:
        settings: Say which embedding model the workers use.
        recipe: How documents are encoded.
        workers: How many processes; each needs a core and holds a model of its own.
        address: Of the cluster, like `ray://head:10001`; without one, it is this machine.

    Raises:
        UserError: Ray is not installed.
    """
    try:
        import ray  # noqa: PLC0415 - an extra
        from ray.util import ActorPool  # noqa: PLC0415
    except ImportError as error:
        raise UserError("--ray needs Ray, which is not installed: add the extra `ray`.") from error

    def run(sources: Iterable[Source]) -> Iterator[Work]:
        started = not ray.is_initialized()
        if started:
            ray.init(
                address=address,
                num_cpus=None if address else workers,
                include_dashboard=False,
                log_to_driver=False,
            )
        try:
            worker = ray.remote(num_cpus=1)(_Worker)
            pool = ActorPool([worker.remote(settings, recipe) for _ in range(workers)])
            yield from _fed(pool, sources, workers * AHEAD)
        finally:
            if started:
                ray.shutdown()

    return run


def _fed(pool: Any, sources: Iterable[Source], ahead: int) -> Iterator[Work]:
    """Give the pool work as it finishes some, so that results don't pile up here."""
    under_way = 0
    for source in sources:
        if under_way == ahead:
            yield pool.get_next_unordered()
            under_way -= 1
        pool.submit(lambda actor, each: actor.encode.remote(each), source)
        under_way += 1
    for _ in range(under_way):
        yield pool.get_next_unordered()


class _Worker:
    """A process with a model of its own."""

    def __init__(self, settings: Settings, recipe: Recipe) -> None:
        from ..parts import open_embedder  # noqa: PLC0415 - loads the model, where it is needed

        self._recipe = recipe
        self._embedder = open_embedder(settings)

    def encode(self, source: Source) -> Work:
        return encode(source, self._recipe, self._embedder)
