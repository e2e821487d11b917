"""Delivery failures: can another attempt succeed?"""


class DeliveryError(Exception):
    """An alert could not be delivered."""


class TemporaryError(DeliveryError):
    """Another attempt may succeed."""


class PermanentError(DeliveryError):
    """No further attempt will succeed unless the configuration changes."""
