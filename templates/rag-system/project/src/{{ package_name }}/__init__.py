"""Answer questions from a body of documents, with sources."""

import os

# ONNX Runtime sends telemetry and LangChain traces to LangSmith, unless this is turned off before
# they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("LANGSMITH_TRACING", "false")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
