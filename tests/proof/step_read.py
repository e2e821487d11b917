"""Step 2, read: style, types, and a README whose links and commands exist."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from .domain import AnswerSet, Outcome
from .makefile import targets
from .unit import Unit, git

VERBS = frozenset(
    "setup demo run test lint format typecheck image up down clean help".split()  # noqa: SIM905
)
# The least that counts as wide: errors, bugs, imports, names, docs, types, security, simplicity.
WIDE = frozenset(("E", "F", "W", "B", "I", "N", "D", "UP", "ANN", "S", "SIM", "RUF", "PTH"))
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|<img[^>]+src=\"([^\"]+)\"")
_MAKE = re.compile(
    r"(?:^|[`\s(;&])make((?:[ \t]+[a-z][\w-]*(?![\w=-])|[ \t]+[A-Z_]+=\S+)+)", re.MULTILINE
)
_LONG_NAME = "a-name-of-exactly-forty-lower-case-chars"
_SHELL = ("bash", "sh", "shell", "console")
_PATH = re.compile(r"(?:^|\s)(?:\./)?((?:deploy|tests|src|scripts|configs?|docs)/[\w./-]+)")


def prove(unit: Unit) -> Outcome:
    """The project's own checks are clean, wide, and leave its files as they are."""
    folder = unit.installed()
    findings: list[str] = []
    for target in ("lint", "typecheck"):
        done = unit.run("make", target, cwd=folder, log=target, offline=True)
        if done.code != 0:
            findings.append(f"`make {target}` fails (exit {done.code}):\n{done.tail()}")
    done = unit.run("make", "format", cwd=folder, log="format", offline=True)
    changed = git("-C", str(folder), "status", "--porcelain", "--untracked-files=no")
    if done.code != 0 or changed:
        findings.append(f"`make format` changes or fails (exit {done.code}):\n{changed}")
        git("-C", str(folder), "checkout", "--quiet", ".")
    findings += _long_name_findings(unit, folder)
    findings += _strictness(folder)
    named = targets(unit, folder)
    findings += (f"make has no `{verb}`" for verb in sorted(VERBS - named))
    findings += _readme_findings(folder, named)
    return Outcome(tuple(findings), {"make_targets": len(named)})


def _long_name_findings(unit: Unit, folder: Path) -> Iterator[str]:
    """A name is in many lines, so those of a project with a long one must not outgrow the limit."""
    answers = unit.answers.answers | {"project_name": _LONG_NAME}
    target = unit.render_into("named", AnswerSet(unit.answers.name, answers))
    ruff = str(folder / ".venv/bin/ruff")
    for options in (("check", "--no-fix"), ("format", "--check")):
        done = unit.run(ruff, *options, "--no-cache", ".", cwd=target, log="named")
        if done.code != 0:
            faulty = f"finds fault with a project named {_LONG_NAME}"
            yield f"`ruff {options[0]}` {faulty}:\n{done.tail()}"


def _strictness(folder: Path) -> Iterator[str]:
    tools = tomllib.loads((folder / "pyproject.toml").read_text()).get("tool", {})
    if tools.get("mypy", {}).get("strict") is not True:
        yield "pyproject.toml: mypy is not strict"
    selected = set(tools.get("ruff", {}).get("lint", {}).get("select", ()))
    if "ALL" not in selected and (missing := WIDE - selected):
        yield f"pyproject.toml: ruff's rules are not wide, {sorted(missing)} are not selected"


def _readme_findings(folder: Path, named: set[str]) -> Iterator[str]:
    documents = [folder / "README.md", *sorted(folder.glob("docs/**/*.md"))]
    mentioned: set[str] = set()
    for document in documents:
        text = document.read_text(encoding="utf-8")
        name = document.relative_to(folder)
        words = [word for match in _MAKE.finditer(_code(text)) for word in match[1].split()]
        called = {word for word in words if "=" not in word}
        mentioned |= called
        yield from (f"{name}: no target for `make {word}`" for word in sorted(called - named))
        yield from (f"{name}: {each}" for each in _link_findings(document, text))
        yield from (f"{name}: {each}" for each in _command_findings(folder, text))
    internal = {name for name in named if "-" in name and name.split("-")[0] in named}
    for word in sorted(named - mentioned - internal):
        yield f"README.md does not mention `make {word}`"


def _code(text: str) -> str:
    """Code of the document alone: prose says "make sure"."""
    blocks = [body for _, body in _FENCE.findall(text)]
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))])


def _link_findings(document: Path, text: str) -> Iterator[str]:
    prose = _FENCE.sub("", text)
    for groups in _LINK.findall(prose):
        target = unquote(groups[0] or groups[1])
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        if not file.exists():
            yield f"link to {path}, which does not exist"
        elif anchor and file.suffix == ".md" and anchor not in _anchors(file.read_text()):
            yield f"link to #{anchor}, a heading that does not exist in {file.name}"


def _anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ +(.+?) *$", _FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def _command_findings(folder: Path, text: str) -> Iterator[str]:
    for language, body in _FENCE.findall(text):
        if language not in _SHELL:
            continue
        for path in _PATH.findall(body):
            if not (folder / path.rstrip("./")).exists():
                yield f"a command names {path}, which does not exist"
        for module in re.findall(r"python3? -m ([\w.]+)", body):
            parts = Path(*module.split("."))
            own = [base / parts.parts[0] for base in (folder / "src", folder)]
            roots = [path.parent for path in own if path.is_dir()]
            for base in roots:
                if not any((base / parts).with_suffix(end).exists() for end in (".py", "")):
                    yield f"a command runs {module}, which does not exist"
