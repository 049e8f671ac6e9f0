"""Proving the person in GraphQL: by carrier, bank card, network identity."""

from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, signed_in
from modules.identity.graphql.arguments import BornOn, DocumentNo, RealName
from modules.identity.graphql.signing_in import RealNameVerified, viewer_of
from modules.identity.proofs import service


@strawberry.type(description="Where to go to be proved.")
class ProofBegun:
    ticket: str = strawberry.field(description="For finishNetworkProof, after coming back.")
    url: str = strawberry.field(description="Open this: the platform's own app.")


ProveByPhoneResult = Annotated[RealNameVerified | Refused, strawberry.union("ProveByPhoneResult")]
ProveByCardResult = Annotated[RealNameVerified | Refused, strawberry.union("ProveByCardResult")]
BeginNetworkProofResult = Annotated[
    ProofBegun | Refused, strawberry.union("BeginNetworkProofResult")
]
FinishNetworkProofResult = Annotated[
    RealNameVerified | Refused, strawberry.union("FinishNetworkProofResult")
]


@strawberry.type
class Mutation:
    """The mutation fields of proofs."""

    @mutation(
        signed_in(proved=False),
        description="Have the phone's carrier say whose it is; needs the consent "
        "`identity.carrier`, and with `bornOn` also `identity.real-name`: the registry knows birth "
        "dates, carriers do not.",
    )
    async def prove_by_phone(
        self,
        info: Info,
        name: RealName,
        resident_id: DocumentNo,
        idempotency_key: IdempotencyKey,
        born_on: BornOn = None,
    ) -> ProveByPhoneResult:
        """More than a typed name and number; proving twice is proving once."""
        return await _verified(
            info, await service.prove_by_phone(info.context, name, resident_id, born_on)
        )

    @mutation(
        signed_in(proved=False),
        description="Have a bank say whose card and phone it is; needs the consent "
        "`identity.bank-card`, and with `bornOn` also `identity.real-name`.",
    )
    async def prove_by_card(
        self,
        info: Info,
        name: RealName,
        resident_id: DocumentNo,
        card_no: Annotated[
            str, strawberry.argument(description="The number of a card of one's own; not kept.")
        ],
        idempotency_key: IdempotencyKey,
        born_on: BornOn = None,
    ) -> ProveByCardResult:
        """More than the carrier alone."""
        return await _verified(
            info, await service.prove_by_card(info.context, name, resident_id, card_no, born_on)
        )

    @mutation(
        signed_in(proved=False),
        description="Begin a hand-off to the network identity platform: by face, or 网证.",
    )
    async def begin_network_proof(
        self, info: Info, idempotency_key: IdempotencyKey
    ) -> BeginNetworkProofResult:
        """The same key is one hand-off."""
        handoff = await service.begin_handoff(info.context, idempotency_key)
        return ProofBegun(ticket=handoff.ticket, url=handoff.url)

    @mutation(
        signed_in(proved=False),
        description="Back from the network identity platform; needs the consent "
        "`identity.network-identity`.",
    )
    async def finish_network_proof(
        self,
        info: Info,
        ticket: Annotated[
            str, strawberry.argument(description="From beginNetworkProof, in this session.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> FinishNetworkProofResult:
        """The strongest proof but for a counter."""
        return await _verified(info, await service.finish_handoff(info.context, ticket))


async def _verified(info: Info, token: str) -> RealNameVerified:
    """The viewer with the token's account, which may be another one than before."""
    viewer = info.context.app.tokens.verify(token)
    return RealNameVerified(
        access_token=token, level=viewer.level, viewer=await viewer_of(info.context.of(viewer))
    )
