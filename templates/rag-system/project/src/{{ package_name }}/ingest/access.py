"""Who may see which document: the file `access.toml` in the folder of documents.

    default = ["staff"]            # of documents that no rule names

    [[rule]]
    documents = "manual/*"         # the last rule that matches counts
    labels = ["public"]

Without the file, all documents are labelled `public`. With it, a document that nothing names has
no label, and nobody sees it.
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


def labelling(folder: Path) -> Callable[[str], frozenset[str]]:
    """A function that gives the labels of a document id.

    Raises:
        UserError: The file can't be read or says something else than rules.
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

    def labels(identity: str) -> frozenset[str]:
        found = access.default
        for rule in access.rule:
            if fnmatchcase(identity, rule.documents):
                found = rule.labels
        return found

    return labels
