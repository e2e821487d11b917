"""What every HTML page needs."""

from urllib.parse import parse_qs

from .problems import Problem

MAX_FIELDS = 10_000

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Sent with each page: it loads nothing from other sites, can't be framed, sends no referrer."""


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of a submitted form; of several with the same name, the last.

    Args:
        body: Encoded as `application/x-www-form-urlencoded`.

    Raises:
        Problem: 400 if it can't be read.
    """
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Problem(400, "The form can't be read.") from error
    return {name: values[-1] for name, values in fields.items()}
