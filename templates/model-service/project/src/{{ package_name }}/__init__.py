"""Train a classifier with scikit-learn and serve it with FastAPI on ONNX Runtime."""

import os

# ONNX Runtime reports to its makers unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
