"""What the gate decided about a challenger, and why; see `gate.py`."""

from .config import Record


class SliceChange(Record):
    """How a part of the rows fares: mean losses, and whether the rise is too large."""

    name: str
    rows: int
    champion: float
    challenger: float
    blocks: bool


class Decision(Record):
    """What the gate decided, and why.

    Attributes:
        promote: Whether the challenger becomes the champion.
        reasons: Why, or all that stands against it.
        against: Version that was the champion then; none if there was no champion.
        rows: Rows compared on.
        champion: Mean loss of the champion (or of the baseline, if there is no champion).
        challenger: Mean loss of the challenger.
        improvement: By how much the loss falls.
        lower: What it falls by at least, with the configured confidence.
        upper: What it falls by at most, likewise.
        slices: The parts looked at one by one.
    """

    promote: bool
    reasons: tuple[str, ...]
    against: str | None = None
    rows: int
    champion: float
    challenger: float
    improvement: float
    lower: float
    upper: float
    slices: tuple[SliceChange, ...] = ()
