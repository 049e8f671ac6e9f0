"""E-mail by SMTP (RFC 5321), with aiosmtplib. A second attempt has the same Message-ID."""

import asyncio
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from core.context.app import App
from core.database import refuse_in_transaction
from core.deadline import Deadline
from notifications.channels.credentials import credentials_of
from notifications.channels.port import Failed, Outbound, Outcome, Provider, Refused, Taken
from notifications.templates.domain import Channel

NO_SUCH_MAILBOX = frozenset({550, 551, 553})


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Send all over one connection, one after the other, as far as the time goes."""
    refuse_in_transaction("an e-mail")
    credentials = _credentials(app)
    client = aiosmtplib.SMTP(
        hostname=credentials["host"],
        port=int(credentials["port"]),
        username=credentials.get("user"),
        password=credentials.get("password"),
        use_tls=credentials.get("tls") == "implicit",
        start_tls=credentials.get("tls", "starttls") == "starttls",
        timeout=max(0.1, deadline.remaining()),
    )
    outcomes: list[Outcome] = []
    try:
        async with client, asyncio.timeout(max(0.0, deadline.remaining())):
            for outbound in outbounds:
                outcomes.append(await _send_one(app, client, outbound))
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        known = isinstance(error, aiosmtplib.SMTPConnectError | aiosmtplib.SMTPAuthenticationError)
        left = len(outbounds) - len(outcomes)
        outcomes += [Failed(type(error).__name__.lower(), outcome_known=known)] * left
    return outcomes[: len(outbounds)]


async def _send_one(app: App, client: aiosmtplib.SMTP, outbound: Outbound) -> Outcome:
    try:
        message = compose(app, outbound)
        await client.send_message(message)
    except aiosmtplib.SMTPRecipientsRefused as refusal:
        return judge(refusal.recipients[0].code, of_mailbox=True)
    except aiosmtplib.SMTPSenderRefused as refusal:
        return Failed(f"smtp_{refusal.code}", outcome_known=True)  # of us
    except aiosmtplib.SMTPResponseException as refusal:
        return judge(refusal.code, of_mailbox=False)
    except ValueError:
        return Refused("bad_address")
    return Taken(message["Message-ID"])


def compose(app: App, outbound: Outbound) -> EmailMessage:
    """The mail. Raises ValueError for an address that would write a header."""
    sender = _credentials(app)["from"]
    message = EmailMessage()
    message["From"], message["To"] = sender, outbound.address
    message["Subject"] = outbound.title
    message["Date"] = format_datetime(app.clock.now())
    message["Message-ID"] = f"<{outbound.ref}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834
    message.set_content(outbound.body)
    return message


def judge(code: int, *, of_mailbox: bool) -> Outcome:
    """What a reply means, of a recipient or of the mail: 4xx may pass, 5xx will not (RFC 5321)."""
    if code >= 500:
        return Refused(f"smtp_{code}", is_gone=of_mailbox and code in NO_SUCH_MAILBOX)
    return Failed(f"smtp_{code}", outcome_known=True)


def _credentials(app: App) -> Mapping[str, str]:
    credentials = credentials_of(app, "email")
    assert credentials is not None  # is_set_up
    return credentials


EMAIL_PROVIDER = Provider(
    "email",
    Channel.EMAIL,
    send,
    is_set_up=lambda app: credentials_of(app, "email") is not None,
)
