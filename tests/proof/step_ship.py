"""Step 6, ship: the image is linted, built, looked into, run as in production, and asked."""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from . import images, tools
from .domain import Figures, ImageFacts, Outcome
from .shell import Done, locked
from .step_run import check_script, end_to_end, prepare, slack
from .unit import BrokenTemplateError, Unit

_BUILD_LIMIT = 900.0
_READY_LIMIT = 60.0
_JOB_LIMIT = 300.0
_UNDER_WAY = 3.0  # seconds after which a job has begun its work
_STOP_LIMIT = 45.0
_BUILD_TOOLS = ("gcc", "cc", "g++", "clang", "make", "git", "uv", "cmake", "rustc", "cargo")
_PRIVATE = re.compile(
    r"(^|/)(\.env|\.git|\.netrc|\.pypirc|id_(rsa|dsa|ecdsa|ed25519)(_sk)?|pip\.conf)$|\.key$"
)
_SECRET_NAME = re.compile(r"(?i)(password|secret|token|api_?keys?)=.+")


def prove(unit: Unit) -> Outcome:
    """Everything between the repository and a running container or cluster."""
    with unit.fresh("ship") as folder:
        return _prove(unit, folder)


def _prove(unit: Unit, folder: Path) -> Outcome:
    findings = [*_lint_findings(unit, folder), *manifest_findings(unit, folder)]
    figures: Figures = {}
    if unit.spec.image is not None:
        findings += _image_findings(unit, folder, unit.spec.image, figures)
    elif (folder / "Dockerfile").exists():
        findings.append(f"templates/{unit.slug}/proof.yml says nothing about the image")
    return Outcome(tuple(findings), figures)


def _lint_findings(unit: Unit, folder: Path) -> Iterator[str]:
    commands = tools.bin_dir()
    for path in sorted(folder.glob("**/Dockerfile*")):
        done = unit.run(
            str(commands / "hadolint"), "--no-color", str(path), cwd=folder, log="hadolint"
        )
        if done.code != 0:
            yield f"hadolint finds fault with {path.relative_to(folder)}:\n{done.tail()}"
    compose = folder / "compose.yaml"
    if compose.exists():
        example = folder / ".env.example"  # from which `make up` writes .env
        settings = ["--env-file", str(example)] if example.exists() else []
        command = [str(commands / "docker-compose"), "-f", str(compose), *settings]
        done = unit.run(*command, "config", "--quiet", cwd=folder, log="compose")
        if done.code != 0 or "level=warning" in done.output:
            yield f"compose.yaml is not valid:\n{done.tail()}"
        else:
            yield from _compose_findings(yaml.safe_load(compose.read_text()))


def _compose_findings(compose: dict[str, Any]) -> Iterator[str]:
    for name, service in compose.get("services", {}).items():
        image = str(service.get("image", ""))
        tagged = "build" in service or re.search(r":[\w.-]*\d[\w.-]*$|@sha256:", image)
        if image.endswith(":latest") or not tagged:
            yield f"compose.yaml: {name} runs {image or 'an unnamed image'}, pin its version"
        if "healthcheck" not in service:
            yield f"compose.yaml: {name} has no healthcheck"
        for port in service.get("ports", ()):
            if isinstance(port, str) and not port.startswith(("127.0.0.1:", "${")):
                yield f"compose.yaml: {name} publishes {port} beyond this machine"


def manifest_findings(unit: Unit, folder: Path) -> Iterator[str]:
    """Kubernetes manifests, kustomizations and charts are valid, with unknown keys refused."""
    for path in sorted(folder.rglob("*.y*ml")):
        inside = path.relative_to(folder)
        if "templates" in inside.parts or inside.parts[0] == ".git":
            continue  # of a chart: rendered below
        documents = [each for each in _documents(path) if "apiVersion" in each and "kind" in each]
        if documents and not path.name.startswith(("kustomization", "Chart")):
            yield from _validate(unit, path, inside)
    for path in sorted(folder.rglob("kustomization.y*ml")):
        yield from _built(unit, folder, path, "kubectl", "kustomize", str(path.parent))
        resources = set(yaml.safe_load(path.read_text()).get("resources", ()))
        beside = {each.name for each in path.parent.glob("*.y*ml")} - {path.name}
        for name in sorted(beside - resources):
            yield f"{path.relative_to(folder)} leaves out {name}"
    for path in sorted(folder.rglob("Chart.yaml")):
        yield from _built(unit, folder, path, "helm", "lint", "--strict", str(path.parent))
        yield from _built(unit, folder, path, "helm", "template", "proof", str(path.parent))


def _built(unit: Unit, folder: Path, path: Path, command: str, *arguments: str) -> Iterator[str]:
    """What kubectl or helm makes of `path` is valid, too."""
    tool = str(tools.bin_dir() / command)
    done = unit.run(tool, *arguments, cwd=folder, log=command)
    if done.code != 0:
        yield f"{path.relative_to(folder)}: {command} {arguments[0]} fails:\n{done.tail()}"
    elif arguments[0] != "lint":
        output = unit.scratch / f"{command}.yaml"
        output.write_text(done.output)
        yield from _validate(unit, output, path.relative_to(folder))


def _validate(unit: Unit, path: Path, name: Path) -> Iterator[str]:
    validate = str(tools.bin_dir() / "kubernetes-validate")
    done = unit.run(validate, "--strict", str(path), cwd=unit.scratch, log="kubernetes-validate")
    if done.code != 0:
        yield f"{name} is not a valid manifest:\n{done.tail()}"


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        return [each for each in yaml.safe_load_all(path.read_text()) if isinstance(each, dict)]
    except yaml.YAMLError:
        return []  # not plain YAML (tags of another tool): the render step has parsed it


def _image_findings(unit: Unit, folder: Path, facts: ImageFacts, figures: Figures) -> Iterator[str]:
    for base in images.bases(folder / "Dockerfile"):
        images.provide(base)
    wrapper = unit.scratch / "ship-bin"
    wrapper.mkdir(exist_ok=True)
    images.write_buildah_wrapper(wrapper)
    prepare(unit, folder)
    # Someone's own settings, which must not get inside.
    unit.run("make", ".env", cwd=folder, log="image")
    tag = f"localhost/proof-{unit.slug}-{unit.answers.name}:{os.getpid()}"
    call = ("make", "image", f"CONTAINER_ENGINE={wrapper / 'buildah'}", f"IMAGE={tag}")
    env = images.unit_env(unit)
    done = unit.run(*call, cwd=folder, log="image", timeout=_BUILD_LIMIT * slack(), extra=env)
    figures["image_s"] = round(done.seconds, 1)
    if done.code != 0:
        yield f"`make image` fails (exit {done.code}):\n{done.tail(20)}"
        return
    try:
        yield from _inside_findings(unit, tag, facts, figures)
        run = _service_findings if facts.port else _job_findings
        yield from run(unit, folder, tag, facts, figures)
    finally:
        _podman(unit, "rmi", "--force", tag)


def _podman(unit: Unit, *arguments: str, timeout: float = 120) -> Done:
    command = ("podman", *arguments)
    env = images.unit_env(unit)
    return unit.run(*command, cwd=unit.scratch, log="podman", timeout=timeout, extra=env)


def _inside_findings(unit: Unit, tag: str, facts: ImageFacts, figures: Figures) -> Iterator[str]:
    inspected = json.loads(_podman(unit, "image", "inspect", tag).output)[0]
    size = round(inspected["Size"] / 1e6)
    figures["image_mb"] = size
    if size > facts.max_mb:
        yield f"the image has {size} MB, {facts.max_mb} MB are allowed"
    config = inspected["Config"]
    user = config.get("User", "").partition(":")[0]
    if not user.isdigit() or int(user) == 0:
        yield f"the image's user is {user or 'root'!r}, a number other than 0 is wanted"
    if facts.port and not inspected.get("Healthcheck", config.get("Healthcheck")):
        yield "the image has no HEALTHCHECK"
    for setting in config.get("Env", ()):
        if _SECRET_NAME.search(setting):
            yield f"the image's environment holds a secret: {setting.partition('=')[0]}"
    mounted = _podman(unit, "image", "mount", tag)
    root = Path(mounted.output.strip().splitlines()[-1])
    try:
        yield from _file_findings(root, facts)
    finally:
        _podman(unit, "image", "unmount", tag)


def _file_findings(root: Path, facts: ImageFacts) -> Iterator[str]:
    paths = [path.relative_to(root) for path in root.rglob("*")]
    for path in paths:
        if path.name in _BUILD_TOOLS and path.parent.name in ("bin", "sbin"):
            yield f"a build tool is inside the image: /{path}"
        if _PRIVATE.search(path.as_posix()) and path.parts[0] not in ("proc", "sys", "usr"):
            yield f"a private file is inside the image: /{path}"
    names = {path.name.partition("-")[0].lower() for path in paths if path.suffix == ".dist-info"}
    for package in facts.absent:
        if package.lower().replace("-", "_") in names:
            yield f"{package} is inside the image"


def _service_findings(
    unit: Unit,
    folder: Path,
    tag: str,
    facts: ImageFacts,
    figures: Figures,
) -> Iterator[str]:
    """Run it as hardened as the manifests do, ask it, stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    publish = f"--publish=127.0.0.1:{port}:{facts.port}"
    with _container(unit, tag, facts, "--health-interval=disable", publish) as (name, state):
        url = f"http://127.0.0.1:{port}"
        start = time.monotonic()
        if not _answers(url + facts.health):
            logs = _podman(unit, "logs", name).tail(20)
            limit = f"{_READY_LIMIT * slack():.0f} s"
            yield f"the container does not answer {facts.health} in {limit}:\n{logs}"
            return
        figures["image_ready_s"] = round(time.monotonic() - start, 1)
        uid = _podman(unit, "exec", name, "id", "-u").output.strip()
        if uid == "0":
            yield "the container runs as root"
        checked = _podman(unit, "healthcheck", "run", name)
        if checked.code != 0:
            yield f"the image's own HEALTHCHECK fails:\n{checked.tail()}"
        yield from _asked(unit, folder, facts, state, "--url", url)
        yield from _stop_findings(unit, name, ("0", "143"))


def _job_findings(
    unit: Unit,
    folder: Path,
    tag: str,
    facts: ImageFacts,
    figures: Figures,
) -> Iterator[str]:
    """Run it to its end as hardened as the manifests do, look at what it left, stop another."""
    with _container(unit, tag, facts) as (name, state):
        start = time.monotonic()
        waited = _podman(unit, "wait", name, timeout=_JOB_LIMIT * slack())
        figures["image_job_s"] = round(time.monotonic() - start, 1)
        if waited.output.strip() != "0":
            logs = _podman(unit, "logs", name).tail(20)
            code = waited.output.strip() or f"still running after {_JOB_LIMIT * slack():.0f} s"
            yield f"the container's job fails (exit {code}):\n{logs}"
            return
        yield from _asked(unit, folder, facts, state)
    with _container(unit, tag, facts) as (name, _):
        time.sleep(_UNDER_WAY)
        yield from _stop_findings(unit, name)


def _asked(
    unit: Unit, folder: Path, facts: ImageFacts, state: Path, *options: str
) -> Iterator[str]:
    """The end-to-end check is as content with the container as with the project itself."""
    if check_script(unit).exists():
        env = [f"--env={key}={value}" for key, value in facts.env.items()]
        kept = [f"--state={state}"] if facts.state else []
        asked = end_to_end(unit, folder, *options, *kept, *env, offline=False)
        yield from (f"in the container, {each}" for each in asked.findings)


def _stop_findings(unit: Unit, name: str, good: Sequence[str] = ()) -> Iterator[str]:
    """SIGTERM is enough to end it, and (if `good` is given) with one of those exit codes."""
    stopped = _podman(unit, "stop", "--time", f"{_STOP_LIMIT:.0f}", name)
    state = _podman(unit, "inspect", "--format", "{{.State.ExitCode}}", name)
    code = state.output.strip()
    if stopped.seconds >= _STOP_LIMIT or code == "137" or (good and code not in good):
        yield f"SIGTERM does not end the container well (exit {code})"


@contextmanager
def _container(
    unit: Unit, tag: str, facts: ImageFacts, *options: str
) -> Iterator[tuple[str, Path]]:
    """A container that was started, by its name, and the folder that holds its state.

    Stores of several proofs know nothing of each other's addresses, so they take turns.
    """
    name = tag.rpartition("/")[2].replace(":", "-")
    state = Path(tempfile.mkdtemp(prefix="state-", dir=unit.scratch))
    state.chmod(0o777)  # the container's user is none of this machine's
    volume = (f"--volume={state}:{facts.state}",) if facts.state else ()
    hardened = ("--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges")
    settings = [f"--env={key}={value}" for key, value in facts.env.items()]
    with locked("container-network"):
        started = _podman(
            unit,
            *("run", "--detach", "--name", name, "--pull=never", *options),
            *(*hardened, *volume, *settings, tag, *facts.command),
        )
        try:
            if started.code != 0:
                message = f"the container can't be started:\n{started.tail()}"
                raise BrokenTemplateError(message)
            yield name, state
        finally:
            _podman(unit, "rm", "--force", name)


def _answers(url: str) -> bool:
    """Does `url` come to answer 200?"""
    until = time.monotonic() + _READY_LIMIT * slack()
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310, our own URL
                if response.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    return False
