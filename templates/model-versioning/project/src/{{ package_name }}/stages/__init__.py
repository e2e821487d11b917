"""The steps of the pipeline, one module each; `dvc.yaml` says what they read and write."""
