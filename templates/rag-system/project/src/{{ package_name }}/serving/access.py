"""Determines what a caller may see from the API key."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from hmac import compare_digest

from starlette.requests import Request

from ..records import FIELDS, Scope
from ..web.auth import HEADER
from ..web.problems import FieldError, Problem


class Access:
    """Maps API keys to access labels. Like `ApiKeys`, it stores digests and compares all of them.

    Args:
        public: The labels that every caller has.
        further: Further labels of some keys.
    """

    def __init__(self, public: Iterable[str], further: Mapping[str, Iterable[str]]) -> None:
        self._public = frozenset(public)
        self._further = [
            (sha256(key.encode()).digest(), frozenset(labels)) for key, labels in further.items()
        ]

    def labels(self, key: bytes) -> frozenset[str]:
        """Return the labels of a key's holder."""
        digest = sha256(key).digest()
        found = [labels for known, labels in self._further if compare_digest(digest, known)]
        return self._public.union(*found)

    def scope(self, request: Request, where: Mapping[str, str] | None = None) -> Scope:
        """Return what a request may see.

        Args:
            request: Its header contains the key.
            where: Filters: fields and their required values.

        Raises:
            Problem: 422 for an unknown field.
        """
        if unknown := set(where or {}) - set(FIELDS):
            errors = [
                FieldError(pointer=f"/where/{name}", detail=f"not one of {', '.join(FIELDS)}")
                for name in sorted(unknown)
            ]
            raise Problem(422, "The search can't be filtered by that.", errors=errors)
        return Scope.of(self.labels(request.headers.get(HEADER, "").encode()), where)
