"""What every test starts from."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_given_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text is as wide as it is: pytest-xdist tells its workers a width, which would wrap it."""
    monkeypatch.delenv("COLUMNS", raising=False)
