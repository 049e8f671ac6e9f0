"""A demo parent who has signed in and a child at school, as the journeys of schools need them."""

from bff.client.city import CityClient

FOLLOW = """mutation($of: ID, $key: String!) { followSchoolGate(onBehalfOf: $of,
  idempotencyKey: $key) { ... on SchoolGateFollowed { followId } ... on Refusal { code } } }"""


async def parent(client: CityClient) -> str:
    """Sign the demo parent in and make them guardian of the demo child; returns the child's id."""
    person = await client.person("parent")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    await client.consent_to_everything()
    child_id = await client.guard(await client.person("child"))
    await client.consent_to_everything(on_behalf_of=child_id)
    return child_id
