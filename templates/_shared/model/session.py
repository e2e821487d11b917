"""Opens a model in ONNX Runtime."""

import onnxruntime

LOG_ERRORS = 3
"""The log level of ONNX Runtime. Errors are shown; warnings, which are about speed, are not."""


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    """Open a model that runs on one thread.

    A small model is done before a second thread has woken up, and with one thread its sums are
    the same every time.

    Args:
        content: The bytes of the model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it would keep memory for each batch size
    options.log_severity_level = LOG_ERRORS
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
