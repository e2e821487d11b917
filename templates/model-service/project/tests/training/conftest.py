"""What the tests of training share; `artifact_dir` is a models folder with a trained model."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


@pytest.fixture
def models(artifact_dir: Path, tmp_path: Path) -> Path:
    """Give a models folder of one's own, to damage at will."""
    return Path(shutil.copytree(artifact_dir, tmp_path / "models"))


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a CSV file from columns of cells."""

    def write(columns: dict[str, Sequence[object]], name: str = "data.csv") -> Path:
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
