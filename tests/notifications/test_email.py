"""E-mail against aiosmtpd, a server that is not ours."""

import asyncio
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from core.context.app import App
from core.deadline import Deadline
from core.settings import Settings
from notifications.channels import email
from notifications.channels.port import Failed, Outbound, Refused, Taken
from notifications.templates.domain import SendLane
from tests.sandbox.serving import free_port


class Mailboxes:
    """Takes mail, but for those it knows no more or has no room for."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.knows_us = True

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.startswith("gone"):
            return "550 5.1.1 No such user here"
        if address.startswith("full"):
            return "452 4.2.2 Mailbox full"
        if address.startswith("hung"):
            await asyncio.sleep(30)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if envelope.rcpt_tos[0].startswith("spam"):
            return "550 5.7.1 Message refused by policy"
        self.mails.append(envelope.content)
        return "250 OK"

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.knows_us:
            envelope.mail_from = address
            return "250 OK"
        return "550 5.7.1 Sender address rejected"


@pytest.fixture
def mailboxes() -> Mailboxes:
    """Everybody's mailboxes."""
    return Mailboxes()


@pytest.fixture
def port(mailboxes: Mailboxes) -> Iterator[int]:
    """Where the mail server listens."""
    controller = Controller(mailboxes, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, keys_dir: Path, port: int) -> Settings:
    """A process with a mail server, in a key folder of its own."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for file in keys_dir.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "notifications.toml").write_text(
        f'[email]\nhost = "127.0.0.1"\nport = "{port}"\ntls = "none"\n'
        'from = "泉城 <no-reply@city.example>"\n',
        "utf-8",
    )
    return settings.model_copy(update={"keys_dir": folder})


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """Nobody is played."""
    return {}


def _to(address: str, ref: str = "ref-1") -> Outbound:
    return Outbound(
        ref, address, "水费账单", "本期 12.00 元 🚰\n请按时缴纳。", None, SendLane.NORMAL
    )


async def test_mail_arrives_whole_and_refusals_are_told_apart(
    app: App, mailboxes: Mailboxes
) -> None:
    addresses = ["one@a.example", "gone@a.example", "full@a.example", "two@a.example"]
    outcomes = await email.send(app, Deadline.after(5), [_to(each) for each in addresses])
    taken = Taken("<ref-1@city.example>")
    assert outcomes == [
        taken,
        Refused("smtp_550", is_gone=True),
        Failed("smtp_452", outcome_known=True),
        taken,
    ]
    mail = message_from_bytes(mailboxes.mails[0], policy=policy.default)
    assert (mail["Subject"], mail["To"]) == ("水费账单", "one@a.example")
    assert "本期 12.00 元 🚰" in mail.get_content()  # type: ignore[attr-defined]
    assert mail["Message-ID"] == "<ref-1@city.example>"


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: all@b.example", "", "no address"])
async def test_an_address_that_writes_headers_is_refused(
    app: App, mailboxes: Mailboxes, address: str
) -> None:
    outcomes = await email.send(app, Deadline.after(5), [_to(address)])
    assert isinstance(outcomes[0], Refused | Failed)
    assert mailboxes.mails == []


async def test_without_a_server_another_time(app: App) -> None:
    from notifications.channels.credentials import FILE

    credentials = dict(email._credentials(app))
    app.once(FILE, dict)["email"] = credentials | {"port": "1"}
    assert (
        await email.send(app, Deadline.after(5), [_to("one@a.example")] * 2)
        == [Failed("smtpconnecterror", outcome_known=True)] * 2
    )


async def test_a_mailbox_is_gone_where_the_recipient_is_refused_and_for_nothing_else(
    app: App, mailboxes: Mailboxes
) -> None:
    assert await email.send(
        app, Deadline.after(5), [_to("spam@a.example"), _to("b@a.example")]
    ) == [
        Refused("smtp_550"),
        Taken("<ref-1@city.example>"),
    ]
    mailboxes.knows_us = False
    (outcome,) = await email.send(app, Deadline.after(5), [_to("one@a.example")])
    assert outcome == Failed("smtp_550", outcome_known=True)


async def test_what_the_time_does_not_suffice_for_is_not_sent_and_the_rest_is_known(
    app: App, mailboxes: Mailboxes
) -> None:
    addresses = ["one@a.example", "two@a.example", "hung@a.example", "three@a.example"]
    outcomes = await email.send(app, Deadline.after(2), [_to(each) for each in addresses])
    assert outcomes == [Taken("<ref-1@city.example>")] * 2 + [Failed("timeouterror")] * 2
    assert len(mailboxes.mails) == 2
