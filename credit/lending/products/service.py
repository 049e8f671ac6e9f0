"""Products: versions are proposed by one and put in force by another; borrowers see what stands."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import TypeAdapter

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, lock_name
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.json import to_json
from core.refusal_texts import NOT_FOUND
from core.states import Edge, StateMachine
from credit.lending.products.domain import TERMS_OUTSIDE, Product, check_product
from credit.lending.records import store, texts
from credit.lending.records.models import ProductVersion

__all__ = ["TERMS_OUTSIDE", "approve", "get_version", "list_current", "propose", "read_body"]

PRODUCT = StateMachine(
    name="version of a loan product",
    table="lending_product_version",
    column="state",
    initial=("PROPOSED",),
    edges=(
        Edge("PROPOSED", "publish", "PUBLISHED"),
        Edge("PROPOSED", "reject", "REJECTED"),
        Edge("PUBLISHED", "retire", "RETIRED"),
    ),
)
_ADAPTER = TypeAdapter(Product)


async def list_current() -> Mapping[str, tuple[int, Product]]:
    """The products in force, by code, each with its version."""
    return {row.code: (row.version, read_body(row)) for row in await store.list_published()}


async def get_version(code: str, version: int) -> Product:
    """One version. Raises NotFound."""
    row = await store.find_version(code, version)
    if row is None:
        raise NotFound(NOT_FOUND)
    return read_body(row)


async def propose(app: App, tx: Transaction, product: Product, by: str) -> ProductVersion:
    """Propose a next version. Raises InvalidInput for one that could not be published, NotFound
    where the code is another bank's."""
    today = civil_date(app.clock.now())
    check_product(product, app.city.rate_bps(product.reference, today), today, app.city.calendar)
    await lock_name(tx, f"lending.product:{product.code}")
    number = await store.next_version(tx, product.code)
    if number > 1:
        earlier = await store.find_version(product.code, 1)
        if earlier is None or earlier.bank != product.bank:
            raise NotFound(NOT_FOUND)
    version_id = new_id()
    await store.insert(
        tx,
        ProductVersion,
        id=version_id,
        code=product.code,
        version=number,
        bank=product.bank,
        state="PROPOSED",
        body=to_json(_ADAPTER.dump_python(product, mode="json"), sort_keys=True).decode(),
        proposer=by[:64],
        proposed_at=app.clock.now(),
    )
    row = await store.lock_version(tx, version_id)
    assert row is not None
    return row


async def approve(
    app: App, tx: Transaction, version_id: UUID, by: str, *, publish: bool
) -> ProductVersion:
    """Put a proposed version in force, or reject it. Raises NotFound, Conflict LOAN_PRODUCT_STATE
    and LOAN_FOUR_EYES."""
    row = await store.lock_version(tx, version_id)
    if row is None:
        raise NotFound(NOT_FOUND)
    if row.state != "PROPOSED":
        raise Conflict(texts.PRODUCT_STATE)
    if row.proposer == by[:64]:
        raise Conflict(texts.FOUR_EYES)
    await lock_name(tx, f"lending.product:{row.code}")
    if publish:
        await store.publish_version(tx, row, by[:64], app.clock.now())
    else:
        await store.set_version_state(tx, row.id, "REJECTED", by[:64])
    after = await store.lock_version(tx, version_id)
    assert after is not None
    return after


def read_body(row: ProductVersion) -> Product:
    """What a version says."""
    return _ADAPTER.validate_json(row.body)


def read_products(items: Sequence[object]) -> list[Product]:
    """Products as a file writes them. Raises pydantic.ValidationError."""
    return [_ADAPTER.validate_python(item) for item in items]
