"""Blanks out personal data: addresses, numbers of telephones, cards and accounts."""

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
    """The text with personal data replaced by what it was, like `[email]`."""
    for rule in _RULES:
        text = rule.pattern.sub(rule.replace, text)
    return text


def luhn(number: str) -> bool:
    """Whether the digits pass the check that all payment cards pass (ISO/IEC 7812)."""
    digits = [int(each) for each in number if each.isdecimal()]
    doubled = (2 * digit for digit in digits[-2::-2])
    total = sum(digits[-1::-2]) + sum(each - _NINES if each > _NINES else each for each in doubled)
    return total % 10 == 0


def iban(number: str) -> bool:
    """Whether an account number passes its own check (ISO 13616)."""
    plain = number.replace(" ", "")
    digits = "".join(str(int(each, 36)) for each in plain[4:] + plain[:4])
    return int(digits) % _IBAN_REMAINDER == 1


def _always(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Rule:
    """What looks like something, and whether it is."""

    name: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool] = _always

    def replace(self, match: re.Match[str]) -> str:
        return f"[{self.name}]" if self.valid(match[0]) else match[0]


_RULES = (
    _Rule("email", _EMAIL),
    _Rule("account", _IBAN, iban),
    _Rule("card", _CARD, luhn),
    _Rule("telephone", _PHONE),
)
