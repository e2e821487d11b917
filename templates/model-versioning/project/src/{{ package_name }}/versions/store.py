"""DVC's storage: the objects of a commit and their bytes, in the cache and in the remote.

DVC is used as a library, because its command takes seconds to start. An object is a file named by
the md5 of its content. A folder is an object as well: a JSON list of names and md5s, whose own name
ends in `.dir`. (https://dvc.org/doc/user-guide/project-structure/internal-files)
"""

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.brancher import switch
from dvc_data.hashfile.db import HashFileDB
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.transfer import transfer

from ..errors import IntegrityError, StateError
from ..manifest import Tracked

DIR = ".dir"
_BLOCK_SIZE = 1 << 20


@dataclass(frozen=True, slots=True)
class Store:
    """The data of a project, stored by DVC.

    Attributes:
        repo: DVC's repository object.
        cache: The objects on this machine.
    """

    repo: Any
    cache: Any

    @property
    def remote(self) -> Any:
        """The objects in the shared remote.

        Raises:
            StateError: The remote is not configured, or a package that it needs is not installed.
        """
        try:
            return self.repo.cloud.get_remote_odb()
        except DvcException as error:
            raise StateError(f"the remote is unavailable: {error}") from error

    def tracked(self, revision: str | None = None) -> tuple[Tracked, ...]:
        """List everything that DVC tracks at a commit or in the working tree: data and outputs.

        Raises:
            StateError: DVC's files cannot be read there.
        """
        try:
            with switch(self.repo, revision) if revision else nullcontext():
                root = self.repo.root_dir
                found = [
                    Tracked(
                        path=Path(os.path.relpath(out.fs_path, root)).as_posix(),
                        md5=out.hash_info.value,
                        size=out.meta.size or 0,
                        files=out.meta.nfiles,
                    )
                    for out in self.repo.index.outs
                    if out.use_cache and out.hash_info
                ]
        except DvcException as error:
            raise StateError(
                f"DVC cannot read {revision or 'the working tree'}: {error}"
            ) from error
        return tuple(sorted(found, key=lambda each: each.path))

    def members(self, tracked: Tracked) -> dict[str, str]:
        """List the objects of a file or folder.

        Returns:
            Path in the project -> name of the object. A folder's file list has the folder's path.

        Raises:
            IntegrityError: A folder's file list is missing or damaged.
        """
        found = {tracked.path: tracked.md5}
        if tracked.md5.endswith(DIR):
            for entry in orjson.loads(self.read(tracked.md5, tracked.path)):
                found[str(PurePosixPath(tracked.path, entry["relpath"]))] = entry["md5"]
        return found

    def read(self, name: str, path: str) -> bytes:
        """Read an object from the cache, or else from the remote, and verify it.

        Args:
            name: Name of the object.
            path: Its path in the project, for error messages.

        Raises:
            IntegrityError: The object is missing or damaged in both places.
        """
        damaged = []
        for place, odb in self._places():
            try:
                with odb.fs.open(odb.oid_to_path(name), "rb") as file:
                    content: bytes = file.read()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise IntegrityError(f"{path} cannot be read from the {place}: {error}") from error
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == name.removesuffix(DIR):
                return content
            damaged.append(place)
        if damaged:
            raise IntegrityError(f"{path} is damaged in the {' and the '.join(damaged)} ({name})")
        raise IntegrityError(f"{path} is neither in the cache nor in the remote ({name})")

    def push(self, tracked: Iterable[Tracked]) -> int:
        """Copy missing objects to the remote; safe to call again after an interruption.

        This queries what the remote has. DVC's own push relies on a record of earlier pushes, so it
        would not restore objects that the remote has lost since.

        Returns:
            How many objects were copied.

        Raises:
            IntegrityError: An object is not in the cache, or its transfer failed.
        """
        to_push = list(tracked)
        names = {HashInfo("md5", each.md5) for each in to_push}
        try:
            result = transfer(self.cache, self.remote, names, cache_odb=self.cache, shallow=False)
        except (DvcException, OSError) as error:
            raise IntegrityError(f"cannot push {_paths(to_push)}: {error}") from error
        if result.failed:
            failed = sorted(str(each.value) for each in result.failed)
            raise IntegrityError(
                f"{len(failed)} objects of {_paths(to_push)} could not be pushed, first "
                f"{failed[0]}: fix the cause and run the command again; pushed objects are kept"
            )
        return len(result.transferred)

    def write(self, tracked: Tracked, folder: Path) -> None:
        """Write a tracked file or folder of any version under `folder`.

        Raises:
            IntegrityError: An object is missing or damaged.
        """
        for path, name in self.members(tracked).items():
            if not name.endswith(DIR):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.read(name, path))

    def _places(self) -> Iterator[tuple[str, Any]]:
        yield "cache", self.cache
        yield "remote", self.remote


@contextmanager
def open_store(root: Path) -> Iterator[Store]:
    """Open a project with DVC, and make it the current folder, which DVC requires.

    Raises:
        StateError: There is no DVC project.
    """
    logging.getLogger("dvc").setLevel(logging.ERROR)
    logging.getLogger("dvc_data").setLevel(logging.ERROR)
    try:
        repo = Repo(str(root))
    except DvcException as error:
        raise StateError(f"DVC cannot open {root}: {error}") from error
    with repo, chdir(root):
        yield Store(repo, repo.cache.local)


def digest(odb: HashFileDB, name: str) -> str | None:
    """Compute the md5 of an object's content; `None` if the object is missing."""
    hasher = hashlib.md5(usedforsecurity=False)
    try:
        with odb.fs.open(odb.oid_to_path(name), "rb") as file:
            while block := file.read(_BLOCK_SIZE):
                hasher.update(block)
    except FileNotFoundError:
        return None
    return hasher.hexdigest()


def _paths(tracked: Iterable[Tracked]) -> str:
    return ", ".join(each.path for each in tracked) or "nothing"
