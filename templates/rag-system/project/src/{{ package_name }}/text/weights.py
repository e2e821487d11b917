"""Loads model weights from installed packages, and verifies that they are the tested ones."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ..records import UserError


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file inside an installed distribution, of which no code is imported.

    Attributes:
        distribution: The distribution's name on the package index.
        file: The file's path below site-packages.
        sha256: The digest of the tested file.
        licence: The licence that the distribution must declare.
    """

    distribution: str
    file: str
    sha256: str
    licence: str

    def read(self) -> bytes:
        """Return the file's contents, after checking its digest and the licence.

        Raises:
            UserError: The file is missing, its digest differs, or the licence is another.
        """
        try:
            installed = distribution(self.distribution)
            content = Path(str(installed.locate_file(self.file))).read_bytes()
        except (PackageNotFoundError, OSError) as error:
            raise UserError(
                f"cannot read {self.file} of the package {self.distribution}: {error}. "
                "`make setup` installs it."
            ) from error
        declared = installed.metadata["License-Expression"]
        if declared != self.licence:
            raise UserError(
                f"{self.distribution} is licensed under {declared!r}, not {self.licence!r}"
            )
        if (digest := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise UserError(
                f"{self.file} of {self.distribution} is not the tested file: its sha256 is "
                f"{digest}. `pip install --force-reinstall {self.distribution}` restores it."
            )
        return content
