"""The rooms of the program import only downwards, without circles; see pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = sorted(path.parent for path in (ROOT / "src/mlops_scaffold").glob("*/__init__.py"))


def test_a_room_imports_only_what_is_below_it() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


def test_only_the_command_line_prints() -> None:
    # The remote helper is a program of its own, which talks to git.
    allowed = {"__main__.py", "source/remote_helper.py"}
    program = ROOT / "src/mlops_scaffold"
    printing = {
        name
        for path in program.rglob("*.py")
        if not (name := path.relative_to(program).as_posix()).startswith("cli/")
        and _prints(ast.parse(path.read_text("utf-8")))
    }
    assert printing == allowed


def test_each_room_says_what_it_is_for_and_what_it_may_import() -> None:
    for room in ROOMS:
        said = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
        first, _, rest = said.partition("\n")
        assert first.endswith("."), room.name
        assert "Imports: " in rest, room.name


def _prints(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id == "print")
        or (isinstance(node, ast.Attribute) and node.attr in {"stdout", "stderr"} and _sys(node))
        for node in ast.walk(tree)
    )


def _sys(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "sys"
