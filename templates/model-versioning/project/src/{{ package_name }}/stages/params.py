"""The validated content of `params.yaml`."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..data.contract import Contract, parse
from ..errors import DataError

PARAMS_FILE = Path("params.yaml")
CONTRACT_FILE = Path("contract.yaml")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prepare(_Record):
    """Parameters of the stage `prepare`."""

    held_out: float = Field(gt=0, lt=1)


class Featurize(_Record):
    """Parameters of the stage `featurize`."""

    degree: int = Field(ge=1, le=3)
    components: int = Field(ge=0)


class Train(_Record):
    """Parameters of the stage `train`."""

    C: float = Field(gt=0)
    seed: int


class Params(_Record):
    """All parameters of the pipeline."""

    prepare: Prepare
    featurize: Featurize
    train: Train


def load(path: Path = PARAMS_FILE) -> Params:
    """Read the parameters.

    Raises:
        DataError: The file is missing, or a parameter is invalid.
    """
    try:
        return Params.model_validate(_yaml(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: {where}: {first['msg']}") from None


def load_contract(path: Path = CONTRACT_FILE) -> Contract:
    """Read the contract.

    Raises:
        DataError: The file is missing or not a valid contract.
    """
    return parse(_yaml(path), str(path))


def _yaml(path: Path) -> object:
    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    return content
