"""The parameters tuned on questions with known answers; `make tune` writes them."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..records import UserError

FILE = Path(__file__).with_name("tuned.json")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fusion(_Record):
    """How dense and sparse results are combined; see `fuse`."""

    dense_weight: float = Field(ge=0, le=1)
    k: float = Field(ge=0)


class EvidenceModel(_Record):
    """A logistic model: `1 / (1 + exp(-(weights @ features + bias)))`."""

    weights: tuple[float, ...]
    bias: float


class Tuned(_Record):
    """All tuned parameters, and the questions that they were tuned on."""

    about: str
    fusion: Fusion
    evidence: EvidenceModel
    threshold: float = Field(ge=0, le=1)


def load(path: Path = FILE) -> Tuned:
    """Read the parameters.

    Raises:
        UserError: The file is missing or not valid.
    """
    try:
        return Tuned.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(f"cannot read {path}: {error}. `make tune` rewrites it.") from error


def save(tuned: Tuned, path: Path = FILE) -> None:
    """Write the parameters."""
    path.write_text(tuned.model_dump_json(indent=2) + "\n", encoding="utf-8")
