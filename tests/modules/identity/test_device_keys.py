"""A session bound to a key in the phone: it steps up with it, and nobody goes on without it."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all
from core.security.authorization import FRESH_AUTH_LIFE
from modules.identity import alarm
from modules.identity.device_proof import address_of
from modules.identity.models import Session
from notifications.messages.models import Message
from tests.modules.identity.conftest import DEVICE, REFUSAL, TOKENS, Phone

BIND = f"""mutation B($proof: String!, $key: String!) {{
  bindDeviceKey(proof: $proof, idempotencyKey: $key) {{
    ... on DeviceKeyBound {{ sessionId }} {REFUSAL} }} }}"""
STEP_UP = f"""mutation S($proof: String!, $key: String!) {{
  stepUpWithDevice(proof: $proof, idempotencyKey: $key) {{
    ... on SteppedUp {{ accessToken }} {REFUSAL} }} }}"""
REFRESH = f"""mutation F($token: String!, $device: DeviceInput!, $proof: String, $key: String!) {{
  refreshSession(refreshToken: $token, device: $device, proof: $proof, idempotencyKey: $key) {{
    {TOKENS} {REFUSAL} }} }}"""


@dataclass(frozen=True)
class Key:
    """A key in a phone, as any DPoP library has it."""

    app: App
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def prove(self, **claims: Any) -> str:
        """A proof for an operation of ours, now."""
        algorithm = jwt.get_algorithm_by_name("ES256")
        jwk = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        now = int(self.app.clock.now().timestamp())
        good = {"jti": uuid4().hex, "htm": "POST", "htu": address_of(self.app), "iat": now}
        headers = {"typ": "dpop+jwt", "jwk": jwk}
        return jwt.encode(good | claims, self.private, algorithm="ES256", headers=headers)


async def ask(phone: Phone, token: str, query: str, proof: str, key: str | None = None) -> Any:
    """The one field of an operation."""
    variables = {"proof": proof, "key": key or uuid4().hex}
    (answer,) = (await phone.ask(query, token, variables)).values()
    return answer


async def refresh(phone: Phone, token: str, proof: str | None) -> Any:
    """Exchange a refresh token."""
    variables = {"token": token, "device": DEVICE, "proof": proof, "key": uuid4().hex}
    return (await phone.client.data(REFRESH, variables))["refreshSession"]


async def test_a_bound_session_steps_up_and_is_refreshed_by_its_key(
    phone: Phone, app: App, clock: ManualClock
) -> None:
    tokens, key = await phone.sign_in(), Key(app)
    bound = await ask(phone, tokens["accessToken"], BIND, key.prove())
    (session,) = await Session.all()
    assert bound["sessionId"] == str(session.id)
    query = "SELECT payload FROM pgqueuer WHERE entrypoint = $1"
    (told,) = await fetch_all(connection(), query, alarm.tell.kind)
    await alarm.tell.run(app, told["payload"])
    assert await Message.filter(template="identity.device_bound").count() == 1
    clock.move(FRESH_AUTH_LIFE)
    # whoever has the refresh token alone has nothing, and takes nothing from its owner
    for stolen in (None, "", "x.y.z", Key(app).prove()):
        assert (await refresh(phone, tokens["refreshToken"], stolen))["code"] == "SESSION_EXPIRED"
    tokens = await refresh(phone, tokens["refreshToken"], key.prove())
    again = await ask(phone, tokens["accessToken"], BIND, key.prove())
    assert again["code"] == "FRESH_AUTH_REQUIRED"
    proof = key.prove()
    fresh = await ask(phone, tokens["accessToken"], STEP_UP, proof, "step-up-01")
    assert app.tokens.verify(fresh["accessToken"]).authenticated_at >= clock.now()
    assert (await ask(phone, fresh["accessToken"], STEP_UP, proof, "step-up-01"))["accessToken"]
    again = await ask(phone, fresh["accessToken"], BIND, Key(app).prove())
    assert again["code"] == "DEVICE_BOUND"
    assert len(phone.sms.sent) == 1, "no second text message"


async def test_proofs_that_prove_nothing(phone: Phone, app: App, clock: ManualClock) -> None:
    token, key = (await phone.sign_in())["accessToken"], Key(app)
    unbound = await ask(phone, token, STEP_UP, key.prove())
    assert unbound["code"] == "DEVICE_PROOF_REFUSED", "of a session without a key"
    used = key.prove()
    await ask(phone, token, BIND, used)
    began_at = (await Session.get()).authenticated_at
    clock.move(FRESH_AUTH_LIFE - (FRESH_AUTH_LIFE / 15))
    for proof in (
        used,
        Key(app).prove(),
        key.prove(htm="GET"),
        key.prove(htu=f"{address_of(app)}/other"),
        key.prove(iat=int(clock.now().timestamp()) - 76),
        key.prove()[:-4] + "AAAA",
    ):
        refused = await ask(phone, token, STEP_UP, proof)
        assert (refused["code"], refused["field"]) == ("DEVICE_PROOF_REFUSED", "proof")
    once = key.prove()
    assert "accessToken" in await ask(phone, token, STEP_UP, once)
    assert (await ask(phone, token, STEP_UP, once))["code"] == "DEVICE_PROOF_REFUSED"
    assert (await Session.get()).authenticated_at > began_at


@pytest.mark.parametrize("proof", ["", "x", "a.b.c", "９" * 4_000])
async def test_no_text_is_a_defect(phone: Phone, proof: str) -> None:
    token = (await phone.sign_in())["accessToken"]
    assert (await ask(phone, token, BIND, proof))["code"] in {
        "DEVICE_PROOF_REFUSED",
        "INVALID_INPUT",
    }
    assert (await Session.get()).device_key is None
