"""Why an alert did not arrive: is it worth trying again?"""


class DeliveryError(Exception):
    """An alert did not arrive."""


class TemporaryError(DeliveryError):
    """It may arrive later."""


class PermanentError(DeliveryError):
    """It never will, unless somebody changes something."""
