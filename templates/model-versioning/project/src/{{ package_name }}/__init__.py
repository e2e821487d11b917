"""Data and models in versions: each can be compared, explained and brought back, byte for byte.

`data/` says what the data must be and reads it; `stages/` are the steps of the pipeline in
`dvc.yaml`; `versions/` is the command over DVC, MLflow and Git; `predict` uses what they made.
"""

import os

# ONNX Runtime reports to its makers unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
