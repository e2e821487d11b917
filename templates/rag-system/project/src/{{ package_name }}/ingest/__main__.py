"""`python -m <package>.ingest`: bring the index up to date with the folder of documents."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import Encode, Report, Work

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


def main(arguments: list[str] | None = None) -> int:
    """Ingest.

    Returns:
        The exit code: 0, 1 if it could not be done, 3 if some documents could not be read, 130 if
        it was interrupted.
    """
    asked = _parser().parse_args(arguments)
    # What is heavy is not for --help, here and below.
    from pydantic import ValidationError  # noqa: PLC0415

    from ..records import UserError  # noqa: PLC0415
    from ..web.settings import format_errors  # noqa: PLC0415

    try:
        report = _ingest(asked)
    except ValidationError as error:
        for line in format_errors(error):
            print(f"error: {line}", file=sys.stderr)
        return 1
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: what was taken in stays, the next run goes on", file=sys.stderr)
        return INTERRUPTED
    for identity, problem in report.problems.items():
        print(f"not read: {identity}: {problem}", file=sys.stderr)
    return 3 if report.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ingest", description=__doc__)
    parser.add_argument("documents", nargs="?", type=Path, help="the folder (APP_DOCUMENTS_DIR)")
    parser.add_argument("--ray", type=int, metavar="WORKERS", help="spread the work over Ray")
    parser.add_argument("--ray-address", help="of a cluster; without it, Ray runs here")
    return parser


def _ingest(asked: argparse.Namespace) -> "Report":
    from ..parts import open_embedder, open_store_for  # noqa: PLC0415
    from ..settings import Settings  # noqa: PLC0415
    from .run import Recipe, here, ingest, survey  # noqa: PLC0415

    settings = Settings()
    folder = asked.documents or settings.documents_dir
    began = time.perf_counter()
    embedder = open_embedder(settings)
    store = open_store_for(settings, embedder)
    recipe = Recipe.of(settings, embedder.name)
    work: Encode = here(recipe, embedder)
    if asked.ray:
        from .scale import on_ray  # noqa: PLC0415 - an extra

        work = on_ray(settings, recipe, asked.ray, asked.ray_address)
    try:
        report = ingest(survey(folder, recipe), store, work, _tell)
    finally:
        store.close()
    print(
        f"{report.put} documents taken in ({report.chunks} chunks), {report.unchanged} unchanged, "
        f"{report.deleted} deleted, in {time.perf_counter() - began:.1f} s"
    )
    return report


def _tell(number: int, count: int, work: "Work") -> None:
    outcome = work.problem or f"{len(work.entries)} chunks"
    print(f"  {number}/{count} {work.source.id}: {outcome}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
