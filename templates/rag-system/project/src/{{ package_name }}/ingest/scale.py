"""Distributed ingestion on a Ray cluster.

The workers parse, chunk and embed; only this process writes to the store. The workers must find the
documents under the same path, on a shared or mounted file system.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from ..records import UserError
from ..settings import Settings
from .run import Encoder, EncodingResult, IngestConfig, Source, encode

AHEAD = 2
"""Documents in flight per worker: enough to keep it busy, and bounded."""


def encode_on_ray(
    settings: Settings, config: IngestConfig, workers: int, address: str | None = None
) -> Encoder:
    """Return an encoder that runs on a cluster.

    Args:
        settings: The settings, which determine the workers' embedding model.
        config: How documents are encoded.
        workers: The number of processes; each needs a core and loads its own model.
        address: The cluster's address, like `ray://head:10001`; without one, Ray is started here.

    Raises:
        UserError: Ray is not installed.
    """
    try:
        import ray  # noqa: PLC0415 - needs an extra
        from ray.util import ActorPool  # noqa: PLC0415
    except ImportError as error:
        raise UserError(
            "--ray needs Ray, which is not installed. Install the extra `ray`."
        ) from error

    def run(sources: Iterable[Source]) -> Iterator[EncodingResult]:
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
            pool = ActorPool([worker.remote(settings, config) for _ in range(workers)])
            yield from _feed(pool, sources, workers * AHEAD)
        finally:
            if started:
                ray.shutdown()

    return run


def _feed(pool: Any, sources: Iterable[Source], ahead: int) -> Iterator[EncodingResult]:
    """Submit documents only as results are taken, so that neither piles up here."""
    in_flight = 0
    for source in sources:
        if in_flight == ahead:
            yield pool.get_next_unordered()
            in_flight -= 1
        pool.submit(lambda actor, each: actor.encode.remote(each), source)
        in_flight += 1
    for _ in range(in_flight):
        yield pool.get_next_unordered()


class _Worker:
    """A worker process with its own embedding model."""

    def __init__(self, settings: Settings, config: IngestConfig) -> None:
        from ..factories import open_embedder  # noqa: PLC0415 - heavy, only workers need it

        self._config = config
        self._embedder = open_embedder(settings)

    def encode(self, source: Source) -> EncodingResult:
        return encode(source, self._config, self._embedder)
