"""Versioned data and models: compare, trace and restore any version, byte for byte.

`data/` reads data and validates it; `stages/` has the pipeline stages of `dvc.yaml`; `versions/` is
the command on top of DVC, MLflow and Git; `predict` uses the released models.
"""

import os

# ONNX Runtime sends telemetry unless it is disabled before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
