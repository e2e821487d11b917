"""What DVC keeps: which objects belong to a commit, and their bytes, here and in the remote.

DVC is called in this process: its command takes seconds to start. An object is a file named by the
md5 of its content; a folder is an object, too, a list of names and md5s in JSON, whose own name
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
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Store:
    """DVC's side of a project.

    Attributes:
        repo: DVC's own view of it.
        cache: The objects on this machine.
    """

    repo: Any
    cache: Any

    @property
    def remote(self) -> Any:
        """The objects that everybody shares.

        Raises:
            StateError: The remote is not set up, or what it needs is not installed.
        """
        try:
            return self.repo.cloud.get_remote_odb()
        except DvcException as error:
            raise StateError(f"the remote cannot be used: {error}") from error

    def tracked(self, revision: str | None = None) -> tuple[Tracked, ...]:
        """List what DVC keeps of a commit, or of the working tree: data and all that stages made.

        Raises:
            StateError: The files of DVC cannot be read there.
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
        """List the objects behind a file or folder.

        Returns:
            Path in the project -> name of the object. The list of a folder is under its own path.

        Raises:
            IntegrityError: The list of a folder is nowhere, or damaged.
        """
        found = {tracked.path: tracked.md5}
        if tracked.md5.endswith(DIR):
            for entry in orjson.loads(self.read(tracked.md5, tracked.path)):
                found[str(PurePosixPath(tracked.path, entry["relpath"]))] = entry["md5"]
        return found

    def read(self, name: str, path: str) -> bytes:
        """Read an object, from here or else from the remote, and check it.

        Raises:
            IntegrityError: It is in neither place, or damaged in both; `path` is what it is.
        """
        damaged = []
        for where, odb in self._places():
            try:
                with odb.fs.open(odb.oid_to_path(name), "rb") as file:
                    content: bytes = file.read()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise IntegrityError(f"{path} cannot be read from the {where}: {error}") from error
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == name.removesuffix(DIR):
                return content
            damaged.append(where)
        if damaged:
            raise IntegrityError(f"{path} is damaged in the {' and the '.join(damaged)} ({name})")
        raise IntegrityError(f"{path} is neither in the cache nor in the remote ({name})")

    def push(self, tracked: Iterable[Tracked]) -> int:
        """Copy to the remote what is not there yet; may be called again after it was interrupted.

        The remote is asked what it has. DVC's own push trusts its memory of an earlier one, and
        would not bring back what got lost there in the meantime.

        Returns:
            How many objects were copied.

        Raises:
            IntegrityError: Something is not here to be pushed, or does not arrive.
        """
        wanted = list(tracked)
        names = {HashInfo("md5", each.md5) for each in wanted}
        try:
            done = transfer(self.cache, self.remote, names, cache_odb=self.cache, shallow=False)
        except (DvcException, OSError) as error:
            raise IntegrityError(f"cannot push {_paths(wanted)}: {error}") from error
        if done.failed:
            lost = sorted(str(each.value) for each in done.failed)
            raise IntegrityError(
                f"{len(lost)} objects of {_paths(wanted)} could not be pushed, first {lost[0]}: "
                "call it again when the cause is gone; what has arrived stays"
            )
        return len(done.transferred)

    def write(self, tracked: Tracked, folder: Path) -> None:
        """Write a file or folder of some version under `folder`, whatever the working tree has.

        Raises:
            IntegrityError: Something of it is missing or damaged.
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
def opened(root: Path) -> Iterator[Store]:
    """Open a project with DVC, which works in the current folder: that is changed meanwhile.

    Raises:
        StateError: DVC does not find one there.
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
    """Compute the md5 of an object's bytes; `None` if it is not there."""
    hasher = hashlib.md5(usedforsecurity=False)
    try:
        with odb.fs.open(odb.oid_to_path(name), "rb") as file:
            while block := file.read(_BLOCK):
                hasher.update(block)
    except FileNotFoundError:
        return None
    return hasher.hexdigest()


def _paths(tracked: Iterable[Tracked]) -> str:
    return ", ".join(each.path for each in tracked) or "nothing"
