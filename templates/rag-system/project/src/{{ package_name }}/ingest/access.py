"""Access rules: the file `access.toml` in the folder of documents says who may see what.

    default = ["staff"]            # labels of documents that no rule matches

    [[rule]]
    documents = "manual/*"         # the last matching rule wins
    labels = ["public"]

Without the file, all documents are labelled `public`. With it, a document that no rule or default
covers has no label, and nobody can see it.
"""

import tomllib
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from ..records import UserError

FILE = "access.toml"
PUBLIC = frozenset({"public"})

_Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    documents: str
    labels: frozenset[_Label]


class _Access(BaseModel):
    model_config = ConfigDict(extra="forbid")

    default: frozenset[_Label] = frozenset()
    rule: list[_Rule] = []


def load_access_rules(folder: Path) -> Callable[[str], frozenset[str]]:
    """Return a function that maps a document id to its labels.

    Raises:
        UserError: The file can't be read or is not valid.
    """
    path = folder / FILE
    try:
        access = _Access.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return lambda _: PUBLIC
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))
        raise UserError(f"{path}: {where}: {detail['msg']}") from error

    def labels(document_id: str) -> frozenset[str]:
        found = access.default
        for rule in access.rule:
            if fnmatchcase(document_id, rule.documents):
                found = rule.labels
        return found

    return labels
