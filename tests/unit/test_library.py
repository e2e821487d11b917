"""The package is a library too: what it names is there, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import mlops_scaffold

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", mlops_scaffold.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(mlops_scaffold, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = mlops_scaffold.nothing


def test_importing_the_package_imports_nothing_else_of_it() -> None:
    code = "import sys, mlops_scaffold; print(*[m for m in sys.modules if 'mlops_scaffold.' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_repository_can_be_made_from_python(tmp_path: Path) -> None:
    request = mlops_scaffold.Request("1", tmp_path / "fraud-api", {"auth": "none"}, git=False)
    made = mlops_scaffold.create(request)
    assert made.path == tmp_path / "fraud-api"
    assert "src/fraud_api/py.typed" in {file.path for file in made.files}
    assert made.answers["model_service_auth"] == "none"
