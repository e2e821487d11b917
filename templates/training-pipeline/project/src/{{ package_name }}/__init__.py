"""An unattended training pipeline: validated data, tracked runs, gated promotion."""

import os

# ONNX Runtime, MLflow and Optuna send telemetry unless it is disabled before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DO_NOT_TRACK", "true")
