"""A registry in git: each promotion is a numbered tag that cannot be silently overwritten."""

import re
from dataclasses import dataclass

import orjson

from ..errors import RegistryError
from . import releases
from .git import Git, GitError
from .registry import Event
from .releases import Release

PREFIX = "production/"
_NAME = re.compile(rf"{PREFIX}(\d+)")


@dataclass(frozen=True, slots=True)
class GitTagRegistry:
    """Promotions as annotated tags `production/0001`, `production/0002`..."""

    git: Git

    def register(self, release: Release, content: bytes) -> str:  # noqa: ARG002 - a tag needs none
        """Do nothing: the release's tag already contains the manifest."""
        return releases.tag(release.version)

    def name_of(self, version: str) -> str | None:
        """Return the name of the release's tag."""
        return releases.tag(version)

    def events(self) -> tuple[Event, ...]:
        """Read the tags, including those in the git remote."""
        remote = self.git.remote()
        if remote is not None:
            self.git.run_or_none(
                "fetch", "--quiet", remote, f"refs/tags/{PREFIX}*:refs/tags/{PREFIX}*"
            )
        return tuple(self._read(name) for name in self._names())

    def record(self, event: Event) -> None:
        """Create the next tag and push it; if another promotion came first, nothing changes.

        Raises:
            RegistryError: The git remote rejected the tag.
        """
        self.git.require_identity()
        names = self._names()
        number = 1 + (int(names[-1].removeprefix(PREFIX)) if names else 0)
        name = f"{PREFIX}{number:04}"
        self.git.run(
            *(
                "tag",
                "--annotate",
                "--file=-",
                name,
                f"refs/tags/{releases.tag(event.version)}^{{}}",
            ),
            stdin=f"{event.action} {event.version}\n\n{event.model_dump_json(indent=2)}\n",
        )
        remote = self.git.remote()
        if remote is None:
            return
        try:
            self.git.run("push", "--quiet", remote, f"refs/tags/{name}")
        except GitError as error:
            self.git.run("tag", "--delete", name)
            raise RegistryError(
                f"production was not changed: {remote} rejected {name}. Another promotion may have "
                f"come first; `versions list` shows the current state ({error})"
            ) from error

    def _names(self) -> list[str]:
        return sorted(name for name in self.git.tags(f"{PREFIX}*") if _NAME.fullmatch(name))

    def _read(self, name: str) -> Event:
        text = self.git.run("for-each-ref", f"refs/tags/{name}", "--format=%(contents)")
        return Event.model_validate(orjson.loads(text[text.index("{") :]))
