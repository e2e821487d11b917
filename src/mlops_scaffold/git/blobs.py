"""Contents of many objects, read by one git process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_scaffold.git import command as git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_HEADER_BYTES = 200  # more than an id, a type and a size take


def read(
    oids: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    isolated: bool = True,
) -> Iterator[bytes]:
    """The contents of objects, in the order of their ids.

    Raises:
        GitError: One is missing.
    """
    if not oids:
        return
    request = "".join(f"{oid}\n" for oid in oids).encode()
    command = ("cat-file", "--batch", "--buffer")
    output = memoryview(git.run(*command, cwd=cwd, stdin=request, env=env, isolated=isolated))
    place = 0
    for oid in oids:
        header, _, _ = bytes(output[place : place + _HEADER_BYTES]).partition(b"\n")
        try:
            _, _, size = header.split(b" ")
        except ValueError as error:  # "<id> missing"
            raise git.GitError(f"the object {oid} is missing from the repository") from error
        start = place + len(header) + 1
        yield bytes(output[start : start + int(size)])
        place = start + int(size) + 1
