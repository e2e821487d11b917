"""The pipeline stages, one module each; `dvc.yaml` declares their inputs and outputs."""
