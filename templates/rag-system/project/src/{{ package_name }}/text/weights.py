"""Finds the weights that come inside packages, and makes sure that they are the right ones."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ..records import UserError


@dataclass(frozen=True, slots=True)
class Packaged:
    """A file inside an installed distribution; nothing of the distribution is imported.

    Attributes:
        distribution: Its name on the package index.
        file: The file's path below site-packages.
        sha256: Digest of the file that was measured and tested.
        licence: What the distribution declares.
    """

    distribution: str
    file: str
    sha256: str
    licence: str

    def read(self) -> bytes:
        """The file's bytes, those whose digest was checked.

        Raises:
            UserError: It is missing, or another file, or under another licence.
        """
        try:
            found = distribution(self.distribution)
            content = Path(str(found.locate_file(self.file))).read_bytes()
        except (PackageNotFoundError, OSError) as error:
            raise UserError(
                f"cannot read {self.file} of the package {self.distribution}: {error}. "
                "`make setup` installs it."
            ) from error
        declared = found.metadata["License-Expression"]
        if declared != self.licence:
            raise UserError(
                f"{self.distribution} is licensed under {declared!r}, not {self.licence!r}"
            )
        if (digest := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise UserError(
                f"{self.file} of {self.distribution} is not the file that was tested: its sha256 "
                f"is {digest}. `pip install --force-reinstall` restores it."
            )
        return content
