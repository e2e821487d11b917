"""The gate's decision about a challenger, with its reasons; see `gate.py`."""

from .config import Record


class SliceComparison(Record):
    """Mean losses on one slice of the rows, and whether the increase blocks promotion."""

    name: str
    rows: int
    champion: float
    challenger: float
    blocks: bool


class Decision(Record):
    """The gate's decision and its reasons.

    Attributes:
        promote: Whether the challenger becomes the champion.
        reasons: Why it is promoted, or everything that prevents it.
        against: Version of the champion it was compared with; `None` if there was no champion.
        rows: Number of rows compared on.
        champion: Mean loss of the champion (or of the baseline if there is no champion).
        challenger: Mean loss of the challenger.
        improvement: By how much the mean loss falls.
        lower: Lower confidence bound of the improvement.
        upper: Upper confidence bound of the improvement.
        slices: Comparison of each slice.
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
    slices: tuple[SliceComparison, ...] = ()
