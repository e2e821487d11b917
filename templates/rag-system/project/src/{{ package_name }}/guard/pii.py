"""Redacts personal data: email addresses, phone, card and bank account numbers."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63})+")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_PHONE = re.compile(
    r"(?<![\w.])(?:\+\d{1,3}[ -]?|\(?0\d{1,4}\)?[ -])\d{2,4}(?:[ -]?\d{2,4}){1,4}(?![\w])"
)
_NINES = 9
_IBAN_REMAINDER = 97


def redact(text: str) -> str:
    """Replace personal data with its kind, such as `[email]`."""
    for rule in _RULES:
        text = rule.pattern.sub(rule.replace, text)
    return text


def passes_luhn(number: str) -> bool:
    """Whether the digits pass the Luhn check of payment cards (ISO/IEC 7812)."""
    digits = [int(each) for each in number if each.isdecimal()]
    doubled = (2 * digit for digit in digits[-2::-2])
    total = sum(digits[-1::-2]) + sum(each - _NINES if each > _NINES else each for each in doubled)
    return total % 10 == 0


def passes_iban_check(number: str) -> bool:
    """Whether a bank account number passes the IBAN check (ISO 13616)."""
    plain = number.replace(" ", "")
    digits = "".join(str(int(each, 36)) for each in plain[4:] + plain[:4])
    return int(digits) % _IBAN_REMAINDER == 1


def _always(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern for one kind of personal data, and a check that rules out false matches."""

    name: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool] = _always

    def replace(self, match: re.Match[str]) -> str:
        return f"[{self.name}]" if self.valid(match[0]) else match[0]


_RULES = (
    _Rule("email", _EMAIL),
    _Rule("account", _IBAN, passes_iban_check),
    _Rule("card", _CARD, passes_luhn),
    _Rule("telephone", _PHONE),
)
