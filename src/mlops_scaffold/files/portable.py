"""Which rendered paths are fit to be written: on any system, and never into a `.git`."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
_WINDOWS_CHARACTERS = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_GIT_FOLDER = re.compile(r"\.git|git~[0-9]+")
_MAX_COMPONENT_BYTES = 255


def reserved_on_windows(name: str) -> bool:
    """Whether Windows takes `name` for a device, whatever its extension (`con`, `nul.txt`)."""
    return name.partition(".")[0].rstrip(" ").lower() in _WINDOWS_DEVICES


def like_git_folder(name: str) -> bool:
    """Whether some file system takes `name` for `.git`.

    Case-insensitive ones do for `.GIT`, HFS+ with characters it ignores inside, NTFS for `git~1`,
    `.git ` and `.git::$INDEX_ALLOCATION`.
    """
    visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return bool(_GIT_FOLDER.fullmatch(re.split(r"[:\\/]", folded)[0].rstrip(" .")))


def component_problem(name: str) -> str | None:  # noqa: PLR0911  # a reason each
    """Why `name` is not fit to name a file or folder anywhere, or None."""
    if name in {"", ".", ".."}:
        return "it leaves the folder"
    if like_git_folder(name):
        return "some systems take it for git's own folder"
    if _WINDOWS_CHARACTERS.search(name) or "/" in name:
        return "it has characters that Windows refuses"
    if name != name.rstrip(" ."):
        return "Windows drops a space or dot at its end"
    if reserved_on_windows(name):
        return "Windows reserves it for a device"
    try:
        too_long = len(name.encode()) > _MAX_COMPONENT_BYTES
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    return "it is longer than 255 bytes" if too_long else None


def check_output(root: Path, *, max_bytes: int, max_files: int) -> None:
    """Check what was rendered under `root` and settle its modes at 755 and 644.

    Raises:
        ScaffoldError: A path is unfit, two differ only in case, something is neither file nor
            folder, or there is more than allowed.
    """
    seen: dict[str, str] = {}
    files = total = 0
    for entry in _walk(root):
        name = Path(entry.path).relative_to(root).as_posix()
        if problem := component_problem(entry.name):
            raise ScaffoldError(f"the template renders a path that is refused: {name!r}: {problem}")
        folded = unicodedata.normalize("NFC", name).casefold()
        if (other := seen.setdefault(folded, name)) != name:
            raise ScaffoldError(f"the template renders both {other!r} and {name!r}")
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            Path(entry.path).chmod(0o755)
            continue
        if not stat.S_ISREG(info.st_mode):
            raise ScaffoldError(f"the template renders {name!r}, which is not a plain file")
        files, total = files + 1, total + info.st_size
        if files > max_files or total > max_bytes:
            raise ScaffoldError(
                f"the template renders more than {max_files} files or {max_bytes} bytes"
            )
        Path(entry.path).chmod(0o755 if info.st_mode & stat.S_IXUSR else 0o644)


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything under `folder`, folders before what they hold, never through a link."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
