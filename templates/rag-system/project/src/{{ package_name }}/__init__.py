"""Answer questions from a body of documents, with sources."""

import os

# ONNX Runtime reports to its makers, and LangChain to LangSmith, unless told not to before they
# are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("LANGSMITH_TRACING", "false")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
