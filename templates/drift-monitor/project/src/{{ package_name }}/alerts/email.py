"""Sends alerts by email."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import SplitResult, unquote, urlsplit

from ..records import Alert
from .errors import PermanentError, TemporaryError
from .text import headline

_PORTS = {"smtp": 25, "smtps": 465}
_PERMANENT = 500
"""SMTP reply codes from here on are permanent failures (RFC 5321, 4.2.1)."""


@dataclass(frozen=True)
class Email:
    """Sends one email per alert.

    The Message-ID is derived from the alert's key, so an alert that is sent twice is the same
    email. All emails about an incident have the same References, so that mail clients show them
    as one thread.
    """

    url: str
    sender: str
    recipients: tuple[str, ...]
    seconds: float

    def send(self, alert: Alert) -> None:
        """Send an alert; return once the mail server has accepted it.

        Raises:
            TemporaryError: It may work later.
            PermanentError: The address is invalid, or the mail server rejects the email.
        """
        server = urlsplit(self.url)
        if server.scheme not in _PORTS or not server.hostname:
            raise PermanentError("APP_ALERT_SMTP_URL must look like smtp://host:25")
        try:
            self._deliver(server, self._mail(alert))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            kind = PermanentError if min(codes) >= _PERMANENT else TemporaryError
            raise kind(f"recipients refused: {error.recipients}") from error
        except smtplib.SMTPResponseException as error:
            kind = PermanentError if error.smtp_code >= _PERMANENT else TemporaryError
            raise kind(f"reply {error.smtp_code}: {error.smtp_error!r}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise TemporaryError(f"{type(error).__name__} {error}".strip()) from error

    def _deliver(self, server: SplitResult, mail: EmailMessage) -> None:
        host, port = server.hostname or "", server.port or _PORTS[server.scheme]
        kind = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
        smtp = kind(host, port, timeout=self.seconds)
        try:
            smtp.ehlo()
            if server.scheme == "smtp" and smtp.has_extn("starttls"):
                smtp.starttls(context=ssl.create_default_context())
            if server.username:
                smtp.login(unquote(server.username), unquote(server.password or ""))
            smtp.send_message(mail)
        finally:
            # The email is sent, or an exception is propagating that an error here would hide.
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _mail(self, alert: Alert) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = f"[drift] {headline(alert.change, alert.incident)}".replace("\n", " ")
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<{alert.key}@drift-monitor>"
        thread = f"<{alert.incident.id}@drift-monitor>"
        mail["References"] = thread
        mail["In-Reply-To"] = thread
        mail.set_content(alert.text)
        return mail
