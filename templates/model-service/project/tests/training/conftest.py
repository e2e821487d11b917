"""Fixtures of the training tests."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


@pytest.fixture
def models(models_dir: Path, tmp_path: Path) -> Path:
    """A models folder that the test may change or damage."""
    return Path(shutil.copytree(models_dir, tmp_path / "models"))


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a CSV file from columns of cells."""

    def write(columns: dict[str, Sequence[object]], name: str = "data.csv") -> Path:
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
