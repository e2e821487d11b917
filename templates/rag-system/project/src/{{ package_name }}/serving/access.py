"""What a caller may see: labels, by API key."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from hmac import compare_digest

from starlette.requests import Request

from ..records import FIELDS, Scope
from ..web.auth import HEADER
from ..web.problems import FieldError, Problem


class Access:
    """Labels of callers. Like `ApiKeys`, it keeps digests and compares all of them.

    Args:
        public: What everyone may see.
        more: What the holders of some keys may see besides.
    """

    def __init__(self, public: Iterable[str], more: Mapping[str, Iterable[str]]) -> None:
        self._public = frozenset(public)
        self._more = [(sha256(key.encode()).digest(), frozenset(more[key])) for key in more]

    def labels(self, key: bytes) -> frozenset[str]:
        """What the holder of a key may see."""
        digest = sha256(key).digest()
        found = [labels for known, labels in self._more if compare_digest(digest, known)]
        return self._public.union(*found)

    def scope(self, request: Request, where: Mapping[str, str] | None = None) -> Scope:
        """What a request may look at.

        Args:
            request: Its header holds the key.
            where: Fields and values to narrow the search to.

        Raises:
            Problem: 422 if there is no such field.
        """
        if unknown := set(where or {}) - set(FIELDS):
            errors = [
                FieldError(pointer=f"/where/{name}", detail=f"not one of {', '.join(FIELDS)}")
                for name in sorted(unknown)
            ]
            raise Problem(422, "The search can't be narrowed by that.", errors=errors)
        return Scope.of(self.labels(request.headers.get(HEADER, "").encode()), where)
