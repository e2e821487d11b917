"""Train a classifier with scikit-learn and serve it with FastAPI on ONNX Runtime."""

import os

# ONNX Runtime sends telemetry unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
