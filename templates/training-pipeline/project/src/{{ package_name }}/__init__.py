"""A training pipeline that runs by itself: checked data, tracked runs, gated promotion."""

import os

# ONNX Runtime, MLflow and Optuna report to their makers unless told not to before their import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DO_NOT_TRACK", "true")
