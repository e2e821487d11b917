"""Opening a model in ONNX Runtime."""

import onnxruntime

ERRORS = 3
"""Severity from which ONNX Runtime's own log is shown: its warnings are about speed."""


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    """Open a model on one thread.

    A small model is done before a second thread has woken up, and its sums come out the same
    every time.

    Args:
        content: The bytes of a model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it would be remembered for each size of a batch
    options.log_severity_level = ERRORS
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
