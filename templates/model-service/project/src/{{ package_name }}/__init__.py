"""Train a classifier with scikit-learn and serve it with FastAPI on ONNX Runtime."""
