"""Whole lives over HTTP: a mother, her child and a stranger; an elder and a son; a death."""

import asyncio
from typing import Any

import pytest
from journeys.crowd import adult
from journeys.house import House
from journeys.patients import CANCEL, CONFIRM, HALL_SLOTS, PLACES
from journeys.test_people import CONFIRM as CONFIRM_PROXY
from journeys.test_people import _in_a_month as in_a_month

from bff.client.city import CityClient, ClientError, key

HALL = "gov-hall-appointment"
HOLD_FOR = """mutation ($slot: ID!, $for: ID, $key: String!) {
  holdAppointment(slotId: $slot, itemId: "general", onBehalfOf: $for, idempotencyKey: $key) {
    ... on AppointmentChanged { appointment { id state } }
    ... on Refusal { code message } ... on AppointmentSlotFull { code message }
  }
}"""
MINE = "{ appointments(first: 10) { edges { node { id state } } } }"
PROPOSE = """mutation ($phone: String!, $until: Date!, $key: String!) {
  proposeProxy(phone: $phone, services: ["gov-hall-appointment"], until: $until,
               idempotencyKey: $key) {
    ... on ProxyProposed { mandate { id } } ... on Refusal { code message }
  }
}"""
CLAIM = """mutation ($id: ID!, $key: String!) {
  makeClaimCode(childId: $id, idempotencyKey: $key) {
    ... on ClaimCodeMade { claimCode } ... on Refusal { code message }
  }
}"""
VERIFY = """mutation ($name: String!, $id: String!, $claim: String, $key: String!) {
  verifyRealName(name: $name, residentId: $id, claimCode: $claim, idempotencyKey: $key) {
    ... on RealNameVerified { accessToken } ... on Refusal { code message }
  }
}"""
ERASE = """mutation ($key: String!) {
  eraseMyAccount(idempotencyKey: $key) { __typename ... on Refusal { code message } }
}"""
INBOX = "{ inbox { messages(first: 20) { edges { node { body } } } } }"


async def _signed_in(client: CityClient, person: dict[str, Any]) -> None:
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)


async def _book(client: CityClient, number: int, *, for_id: str | None = None) -> str:
    """An appointment at a hall, the n-th free time of three days; its id."""
    (place, *_) = (await client.run(PLACES, {"service": HALL})).data["appointmentPlaces"]
    slots = (await client.run(HALL_SLOTS, {"place": place["id"]})).data["appointmentSlots"]
    held = await client.do(HOLD_FOR, {"slot": slots[number]["id"], "for": for_id, "key": key()})
    appointment_id = str(held["appointment"]["id"])
    await client.do(CONFIRM, {"id": appointment_id, "key": key()})
    return appointment_id


async def _states(client: CityClient) -> dict[str, str]:
    """The viewer's appointments and where they stand."""
    edges = (await client.run(MINE)).data["appointments"]["edges"]
    return {edge["node"]["id"]: edge["node"]["state"] for edge in edges}


async def test_a_mother_a_child_and_a_stranger(house: House) -> None:
    stranger_person = await adult(house, 8200)
    first, second = house.api_urls
    async with (
        CityClient(first, house.sandbox_url) as mother,
        CityClient(second, house.sandbox_url) as child,
        CityClient(second, house.sandbox_url) as stranger,
    ):
        parent, minor = await mother.person("parent"), await mother.person("child")
        await _signed_in(mother, parent)
        await mother.consent("identity.family")
        child_id = await mother.guard(minor)
        booked = await _book(mother, 1, for_id=child_id)
        # a stranger knows the child's name and number, as many do
        await stranger.sign_in(stranger_person["phone"])
        await stranger.consent("identity.real-name")
        claimed = {"name": minor["name"], "id": minor["resident_id"], "key": key()}
        with pytest.raises(ClientError, match="CLAIM_REQUIRED"):
            await stranger.do(VERIFY, claimed)
        with pytest.raises(ClientError, match="NOT_FOUND"):
            await stranger.do(CANCEL, {"id": booked, "key": key()})
        # the child takes over the record with the mother's code, and sees what is the child's
        made = await mother.do(CLAIM, {"id": child_id, "key": key()})
        await child.sign_in(minor["phone"])
        await child.consent("identity.real-name")
        verified = await child.do(VERIFY, claimed | {"claim": made["claimCode"], "key": key()})
        child.token = verified["accessToken"]
        assert (await _states(child))[booked] == "CONFIRMED"
        # what a child may not do alone
        with pytest.raises(ClientError, match="MINORS_MAY_NOT"):
            await child.do(ERASE, {"key": key()})
        proposal = {"phone": minor["phone"], "until": in_a_month(house), "key": key()}
        await stranger.verify_real_name(stranger_person)
        mandate = (await stranger.do(PROPOSE, proposal))["mandate"]
        with pytest.raises(ClientError, match="MINORS_MAY_NOT"):
            await child.do(CONFIRM_PROXY, {"id": mandate["id"], "key": key()})
        # the mother undoes it, and the child sees that
        await mother.do(CANCEL, {"id": booked, "key": key()})
        assert (await _states(child))[booked] == "CANCELLED"


async def test_an_elders_appointments_are_made_by_the_son_and_cancelled_by_either(
    house: House,
) -> None:
    son_person, elder_person = await adult(house, 8600), await adult(house, 9000)
    first, second = house.api_urls
    async with (
        CityClient(first, house.sandbox_url) as son,
        CityClient(second, house.sandbox_url) as elder,
    ):
        elder_id = await _proxy_of(house, son, son_person, elder, elder_person)
        by_elder = await _book(son, 2, for_id=elder_id)
        assert await _states(elder) == await _states(son) == {by_elder: "CONFIRMED"}
        await elder.do(CANCEL, {"id": by_elder, "key": key()})
        assert (await _states(son))[by_elder] == "CANCELLED"
        by_son = await _book(son, 3, for_id=elder_id)
        await son.do(CANCEL, {"id": by_son, "key": key()})
        assert (await _states(elder))[by_son] == "CANCELLED"
        kept = await _book(son, 4, for_id=elder_id)
        (mandate,) = (await elder.run("{ mandates { id } }")).data["mandates"]
        await elder.do(
            "mutation ($id: ID!, $key: String!) { endMandate(mandateId: $id, idempotencyKey: $key)"
            " { __typename ... on Refusal { code message } } }",
            {"id": mandate["id"], "key": key()},
        )
        assert kept not in await _states(son), "who made it loses sight when the mandate ends"
        with pytest.raises(ClientError, match="NOT_FOUND"):
            await son.do(CANCEL, {"id": kept, "key": key()})
        assert (await _states(elder))[kept] == "CONFIRMED"


async def _proxy_of(
    house: House,
    actor: CityClient,
    actor_person: dict[str, Any],
    subject: CityClient,
    subject_person: dict[str, Any],
) -> str:
    """Both signed in, the one a proxy of the other at the hall; the other's id."""
    await _signed_in(actor, actor_person)
    await _signed_in(subject, subject_person)
    until = in_a_month(house)
    proposed = await actor.do(
        PROPOSE, {"phone": subject_person["phone"], "until": until, "key": key()}
    )
    await subject.do(CONFIRM_PROXY, {"id": proposed["mandate"]["id"], "key": key()})
    (mandate,) = (await actor.run("{ mandates { personId } }")).data["mandates"]
    return str(mandate["personId"])


async def test_a_death_closes_the_account_gently(house: House) -> None:
    son_person, elder_person = await adult(house, 9400), await adult(house, 9800)
    first, second = house.api_urls
    async with (
        CityClient(first, house.sandbox_url) as son,
        CityClient(second, house.sandbox_url) as elder,
        CityClient(second, house.sandbox_url) as stranger,
    ):
        elder_id = await _proxy_of(house, son, son_person, elder, elder_person)
        own, made = await _book(elder, 5), await _book(son, -1, for_id=elder_id)
        record = {"resident_id": elder_person["resident_id"]}
        await son.sandbox("POST", "/_control/police/deaths", record)
        for _ in range(2):
            assert house.run("deaths", "read").returncode == 0
        rows = await house.query(
            "SELECT id::text, state FROM appointments_booking WHERE id = ANY($1::uuid[])",
            [own, made],
        )
        assert {row["id"]: row["state"] for row in rows} == {own: "cancelled", made: "cancelled"}
        with pytest.raises(ClientError, match="SESSION_EXPIRED"):
            await _until_refused(elder)
        with pytest.raises(ClientError):
            await _book(son, 6, for_id=elder_id)
        assert (await son.run("{ mandates { state } }")).data["mandates"][0]["state"] == "ended"
        bodies = await _bodies(son)
        assert any("已故" in body or "died" in body for body in bodies), bodies
        # the phone is somebody else's by and by; the name is nobody's
        await stranger.sign_in(elder_person["phone"])
        assert await _states(stranger) == {}
        await stranger.consent("identity.real-name")
        taken = {"name": elder_person["name"], "id": elder_person["resident_id"], "key": key()}
        with pytest.raises(ClientError, match="REAL_NAME_MISMATCH"):
            await stranger.do(VERIFY, taken)


async def _until_refused(client: CityClient) -> None:
    """Ask until the end of the session has come to this process."""
    for _ in range(100):
        await client.run("{ viewer { id } }")
        await asyncio.sleep(0.05)


async def _bodies(client: CityClient) -> list[str]:
    """The inbox, once the last message has come."""
    bodies: list[str] = []
    for _ in range(100):
        edges = (await client.run(INBOX)).data["inbox"]["messages"]["edges"]
        bodies = [edge["node"]["body"] for edge in edges]
        if any("已故" in body or "died" in body for body in bodies):
            break
        await asyncio.sleep(0.1)
    return bodies
