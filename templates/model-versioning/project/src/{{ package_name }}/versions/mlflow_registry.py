"""A registry in MLflow: each release is a version of one registered model."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ..errors import RegistryError
from ..manifest import card, flatten
from ..settings import Settings
from .registry import Event
from .releases import Release

ALIAS = "production"
VERSION_TAG = "version"
_EVENT_PREFIX = "promotion."
_TIMEOUT_SECONDS = "20"


@dataclass(frozen=True, slots=True)
class MlflowRegistry:
    """MLflow's client, the model's name, and the artifact location if there is no server."""

    client: Any
    name: str
    files: str | None

    def register(self, release: Release, content: bytes) -> str:
        """Register a release with its model, card, parameters and metrics, unless it exists.

        Raises:
            RegistryError: MLflow has the release from another commit, or is unavailable.
        """
        with _errors():
            found = self._find(release.version)
            if found is None:
                return str(self._create(release, content).version)
        if found.tags.get("commit") != release.commit:
            raise RegistryError(
                f"MLflow has {release.version} of {self.name} from commit "
                f"{str(found.tags.get('commit'))[:12]}, but git has it from {release.commit[:12]}"
            )
        return str(found.version)

    def name_of(self, version: str) -> str | None:
        """Return MLflow's version number of a release; `None` if it is not registered."""
        with _errors():
            found = self._find(version)
        return None if found is None else str(found.version)

    def events(self) -> tuple[Event, ...]:
        """Read the promotions from the registered model's tags."""
        with _errors():
            model = self._model()
        tags = model.tags if model is not None else {}
        texts = [tags[key] for key in sorted(tags) if key.startswith(_EVENT_PREFIX)]
        return tuple(Event.model_validate(orjson.loads(text)) for text in texts)

    def record(self, event: Event) -> None:
        """Move the alias atomically and record the event.

        Each event has its own tag, so simultaneous promotions do not overwrite each other's.
        """
        with _errors():
            found = self._find(event.version)
            if found is None:
                raise RegistryError(
                    f"{event.version} is not registered in MLflow: run `versions sync` first"
                )
            self.client.set_registered_model_alias(self.name, ALIAS, str(found.version))
            self.client.set_registered_model_tag(
                self.name, f"{_EVENT_PREFIX}{event.at}", event.model_dump_json()
            )

    def _model(self) -> Any:
        found = self.client.search_registered_models(f"name = '{self.name}'")
        return found[0] if found else None

    def _find(self, version: str) -> Any:
        known = self.client.search_model_versions(f"name = '{self.name}'")
        return next((each for each in known if each.tags.get(VERSION_TAG) == version), None)

    def _create(self, release: Release, content: bytes) -> Any:
        if self._model() is None:
            self.client.create_registered_model(self.name)
        manifest = release.manifest
        tags = {
            VERSION_TAG: release.version,
            "commit": release.commit,
            "data.md5": manifest.data.md5,
            "model.md5": manifest.model.md5,
        }
        run = self.client.create_run(
            experiment(self.client, self.name, self.files), run_name=release.version, tags=tags
        )
        log_values(self.client, run.info.run_id, manifest.params, manifest.metrics)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "model.onnx").write_bytes(content)
            (Path(folder) / "manifest.json").write_text(manifest.model_dump_json(indent=2))
            (Path(folder) / "MODEL_CARD.md").write_text(card(manifest), encoding="utf-8")
            self.client.log_artifacts(run.info.run_id, folder, "model")
        self.client.set_terminated(run.info.run_id)
        return self.client.create_model_version(
            self.name,
            f"{run.info.artifact_uri}/model",
            run.info.run_id,
            tags=tags,
            description=card(manifest),
        )


def connect(settings: Settings, root: Path) -> MlflowRegistry:
    """Connect to MLflow; a missing database is created.

    Raises:
        RegistryError: The server or the database is unavailable.
    """
    return MlflowRegistry(client(settings, root), settings.model_name, files(settings, root))


def files(settings: Settings, root: Path) -> str | None:
    """Return the artifact location if there is no server; `None` if a server chooses it."""
    embedded = not settings.tracking_uri.startswith(("http://", "https://"))
    return (root / "mlruns").as_uri() if embedded else None


def client(settings: Settings, root: Path) -> Any:
    """Create MLflow's client. MLflow takes seconds to import, so it is imported here.

    Raises:
        RegistryError: The server or the database is unavailable.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", _TIMEOUT_SECONDS)
    from mlflow import MlflowClient  # noqa: PLC0415

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    uri = settings.tracking_uri
    if uri == Settings.model_fields["tracking_uri"].default:
        uri = f"sqlite:///{root / 'mlflow.db'}"
    with _errors():
        connected = MlflowClient(tracking_uri=uri, registry_uri=uri)
        connected.search_registered_models(max_results=1)
    return connected


def experiment(mlflow_client: Any, name: str, artifacts: str | None) -> str:
    """Return the id of the experiment with that name; it is created if it does not exist."""
    found = mlflow_client.get_experiment_by_name(name)
    return str(found.experiment_id if found else mlflow_client.create_experiment(name, artifacts))


def log_values(
    mlflow_client: Any, run: str, params: dict[str, Any], metrics: dict[str, Any]
) -> None:
    """Log parameters and metrics to a run."""
    for key, value in flatten(params).items():
        mlflow_client.log_param(run, key, value)
    for key, value in flatten(metrics).items():
        mlflow_client.log_metric(run, key, value)


@contextmanager
def _errors() -> Iterator[None]:
    """Translate MLflow's errors into one clear message."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise RegistryError(f"MLflow: {str(error).splitlines()[0]}") from error
