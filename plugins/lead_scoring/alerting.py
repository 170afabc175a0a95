"""Who is told of a hot lead, and how: by WhatsApp, a signed webhook, a mail. Each way is tried until it is taken."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from frontdesk import Contact, Lead, NeedsAttention, Refused, RetryLater, SecretUnavailable, Template

if TYPE_CHECKING:
    from . import LeadScoring
    from .settings import EmailAlert

WAYS = ("whatsapp", "webhook", "email")
SMTP_SECONDS = 7.0
"""For each step of the talk with a mail server; shorter than a hook's deadline."""


def title(contact: Contact) -> str:
    """Who it is, in a line; what a contact calls themself is text, and short."""
    return " ".join((contact.name or contact.phone or contact.id).split())[:60]


def why(lead: Lead) -> str:
    """In a line: the contact's own words, else what is known."""
    known = ", ".join(f"{name}: {value}" for name, value in list(lead.fields.items())[:4])
    return " ".join((f"“{lead.best_quote}”" if lead.best_quote else known or f"{lead.score} of 100").split())[:300]


async def send(plugin: LeadScoring, way: str, key: str, lead: Lead, contact: Contact) -> None:
    """Tell them in one way; the same *key* is the same alert. Raises RetryLater, NeedsAttention, Refused."""
    alerts = plugin.settings.alerts
    link = f"{plugin.services.public_url}/t/{plugin.tenant.id}/inbox/{lead.contact}"
    if way == "whatsapp" and alerts.whatsapp is not None:
        text = plugin.words("alert").format(who=title(contact), why=why(lead), link=link)
        variables = {"1": title(contact), "2": why(lead), "3": link}
        template = alerts.whatsapp.template
        refused = []
        for number in alerts.whatsapp.to:
            try:
                conversation = await plugin.conversations.with_staff(number)
            except Refused as err:  # the others are told all the same
                refused.append(err.reason)
                continue
            await plugin.conversations.send(
                conversation.id,
                f"hot.{key}.{number.lstrip('+')}",
                text,
                fallback=Template(id=template, variables=variables) if template else None,
            )
        if refused:
            raise NeedsAttention(f"alerts.whatsapp: {'; '.join(refused)}")
    elif way == "webhook" and alerts.webhook is not None:
        data: dict[str, Any] = {
            "type": "lead.hot",
            "timestamp": lead.changed_at.isoformat(),
            "data": {
                "tenant": plugin.tenant.id,
                "contact": {"id": contact.id, "name": contact.name, "phone": contact.phone},
                "score": lead.score,
                "fields": dict(lead.fields),
                "why": why(lead),
                "link": link,
            },
        }
        await plugin.post_signed(alerts.webhook.url, await _revealed(alerts.webhook.secret), f"evt_{key}", data)
    elif way == "email" and alerts.email is not None:
        mail = _mail(plugin, alerts.email, key, contact, lead, link)
        password = await _revealed(alerts.email.password) if alerts.email.password is not None else ""
        try:
            left_out = await plugin.call_blocking(_post, alerts.email, password, mail, timeout=SMTP_SECONDS + 2)
        except smtplib.SMTPRecipientsRefused as err:
            raise _refusal(alerts.email.host, err.recipients) from err
        except smtplib.SMTPResponseException as err:
            raise _refusal(alerts.email.host, {"": (err.smtp_code, err.smtp_error)}) from err
        except (smtplib.SMTPException, OSError) as err:
            raise RetryLater(f"{alerts.email.host}: {err}", after=30) from err
        if left_out:
            raise NeedsAttention(f"{alerts.email.host} took the mail, but not for {_told(left_out)}")


def _refusal(host: str, answers: Mapping[str, tuple[int, Any]]) -> RetryLater | NeedsAttention:
    """RFC 5321: 4yz is for now, 5yz for good."""
    if all(400 <= code < 500 for code, _ in answers.values()):
        return RetryLater(f"{host}: {_told(answers)}", after=60)
    return NeedsAttention(f"{host} refuses the mail of alerts.email: {_told(answers)}")


def _told(answers: Mapping[str, tuple[int, Any]]) -> str:
    return "; ".join(
        f"{to} {code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}".strip()
        for to, (code, said) in answers.items()
    )


def _mail(plugin: LeadScoring, alert: EmailAlert, key: str, contact: Contact, lead: Lead, link: str) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = plugin.words("subject").format(who=title(contact))
    mail["From"], mail["To"] = alert.sender, ", ".join(alert.to)
    mail["Date"] = formatdate(plugin.clock.now().timestamp())
    # The same alert has the same id: a mail that was sent twice after a crash is shown once by most programs.
    mail["Message-ID"] = f"<{key}@{alert.sender.partition('@')[2]}>"
    known = "\n".join(f"{name}: {value}" for name, value in lead.fields.items())
    mail.set_content(f"{title(contact)} {contact.phone}\n{why(lead)}\n{known}\n\n{link}\n")
    return mail


def _post(alert: EmailAlert, password: str, mail: EmailMessage) -> Mapping[str, tuple[int, bytes]]:
    """Whom the server took it for not, though it took it for others."""
    context = ssl.create_default_context()
    if alert.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(alert.host, alert.port, timeout=SMTP_SECONDS, context=context)
    else:
        server = smtplib.SMTP(alert.host, alert.port, timeout=SMTP_SECONDS)
    with server:
        if alert.security == "starttls":
            server.starttls(context=context)
        if alert.user:
            server.login(alert.user, password)
        return server.send_message(mail)


async def _revealed(secret: Any) -> str:
    try:
        return str(secret.reveal())
    except SecretUnavailable as err:
        raise NeedsAttention(str(err)) from err
