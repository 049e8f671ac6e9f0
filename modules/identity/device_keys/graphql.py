"""Keys in phones, in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, signed_in
from modules.identity.device_keys import service
from modules.identity.graphql.signing_in import SteppedUp

DeviceProof = Annotated[
    str,
    strawberry.argument(
        description="A DPoP proof (RFC 9449) by the key in the phone: `htm` POST, `htu` the "
        "address of this API, good once and for a minute."
    ),
]


@strawberry.type(description="The session is bound to the key in the phone.")
class DeviceKeyBound:
    session_id: strawberry.ID = strawberry.field(description="The session's id.")


BindDeviceKeyResult = Annotated[DeviceKeyBound | Refused, strawberry.union("BindDeviceKeyResult")]
StepUpWithDeviceResult = Annotated[SteppedUp | Refused, strawberry.union("StepUpWithDeviceResult")]


@strawberry.type
class Mutation:
    """The mutation fields of keys in phones."""

    @mutation(
        signed_in(fresh=True),
        description="Bind this session to a key in the phone: its refresh tokens are good with the "
        "key alone from then on, and stepUpWithDevice needs no text message. The owner is told.",
        waits=True,
    )
    async def bind_device_key(
        self, info: Info, proof: DeviceProof, idempotency_key: IdempotencyKey
    ) -> BindDeviceKeyResult:
        """For good: another key takes another session."""
        session_id = await service.bind(info.context, proof, idempotency_key)
        return DeviceKeyBound(session_id=strawberry.ID(str(session_id)))

    @mutation(signed_in(), description="Prove again who is there, by the key in the phone.")
    async def step_up_with_device(
        self, info: Info, proof: DeviceProof, idempotency_key: IdempotencyKey
    ) -> StepUpWithDeviceResult:
        """Good for 15 minutes."""
        token = await service.step_up(info.context, proof, idempotency_key)
        return SteppedUp(access_token=token)
