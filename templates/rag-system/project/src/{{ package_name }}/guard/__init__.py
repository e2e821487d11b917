"""Guards: prompt-injection detection for what comes in, PII redaction for what goes out."""
