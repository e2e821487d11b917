"""`python -m <package>.ingest`: update the index from the folder of documents."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import Encoder, EncodingResult, IngestResult

INTERRUPTED = 130
"""128 + SIGINT, the shells' convention."""


def main(arguments: list[str] | None = None) -> int:
    """Ingest the documents.

    Returns:
        The exit code: 0, 1 on an error, 3 if some documents could not be read, 130 if interrupted.
    """
    args = _parser().parse_args(arguments)
    # Here and below, heavy modules are imported late to keep --help fast.
    from pydantic import ValidationError  # noqa: PLC0415

    from ..records import UserError  # noqa: PLC0415
    from ..web.settings import format_errors  # noqa: PLC0415

    try:
        result = _ingest(args)
    except ValidationError as error:
        for line in format_errors(error):
            print(f"error: {line}", file=sys.stderr)
        return 1
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: finished documents are kept, run it again to resume", file=sys.stderr)
        return INTERRUPTED
    for document_id, problem in result.problems.items():
        print(f"could not read {document_id}: {problem}", file=sys.stderr)
    return 3 if result.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ingest", description=__doc__)
    parser.add_argument(
        "documents", nargs="?", type=Path, help="folder of documents (default: APP_DOCUMENTS_DIR)"
    )
    parser.add_argument("--ray", type=int, metavar="WORKERS", help="distribute the work with Ray")
    parser.add_argument("--ray-address", help="address of a Ray cluster (default: start Ray here)")
    return parser


def _ingest(args: argparse.Namespace) -> "IngestResult":
    from ..factories import open_embedder, open_store_for  # noqa: PLC0415
    from ..settings import Settings  # noqa: PLC0415
    from .run import IngestConfig, encode_locally, ingest, scan  # noqa: PLC0415

    settings = Settings()
    folder = args.documents or settings.documents_dir
    started = time.perf_counter()
    embedder = open_embedder(settings)
    store = open_store_for(settings, embedder)
    config = IngestConfig.from_settings(settings, embedder.name)
    encoder: Encoder = encode_locally(config, embedder)
    if args.ray:
        from .scale import encode_on_ray  # noqa: PLC0415 - needs an extra

        encoder = encode_on_ray(settings, config, args.ray, args.ray_address)
    try:
        result = ingest(scan(folder, config), store, encoder, _print_progress)
    finally:
        store.close()
    print(
        f"{result.indexed} documents indexed ({result.chunks} chunks), {result.unchanged} "
        f"unchanged, {result.deleted} deleted, in {time.perf_counter() - started:.1f} s"
    )
    return result


def _print_progress(number: int, total: int, done: "EncodingResult") -> None:
    outcome = done.problem or f"{len(done.entries)} chunks"
    print(f"  {number}/{total} {done.source.id}: {outcome}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
