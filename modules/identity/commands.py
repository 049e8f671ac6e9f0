"""Members of staff: enrol, suspend."""

import secrets
from base64 import b32encode
from typing import Annotated
from urllib.parse import quote

import typer

from core.context.app import App
from core.errors import StartError
from core.ids import is_mobile
from core.processes.command import in_app
from core.security.authorization import Role
from core.typed_text import read_mobile

app = typer.Typer(help=__doc__, no_args_is_help=True)

_SECRET_BYTES = 20


@app.command()
def enrol(
    phone: Annotated[str, typer.Argument(help="The phone they sign in with.")],
    department: Annotated[str, typer.Argument(help="A department of the city file, or a bank.")],
    roles: Annotated[list[Role], typer.Argument(help="What they work as.")],
) -> None:
    """Enrol a member of staff; prints, once, the address that an authenticator takes as QR code."""
    phone = read_mobile(phone)
    if not is_mobile(phone):
        raise StartError(f"{phone} is no mobile number")
    secret = secrets.token_bytes(_SECRET_BYTES)

    async def run(house: App) -> None:
        from core.database import transaction
        from core.people.staffing import is_unit
        from modules.identity import staff

        if not await is_unit(house, department):
            raise StartError(f"no department of the city file and no bank is {department}")
        async with transaction() as tx:
            await staff.enrol(
                house,
                tx,
                phone=phone,
                roles=[role.value for role in roles],
                department=department,
                secret=secret,
            )
        issuer = quote(house.city.app_name.en)
        typer.echo(
            f"otpauth://totp/{issuer}:{phone}?secret={b32encode(secret).decode()}&issuer={issuer}"
        )

    in_app("staff", run)


@app.command()
def suspend(phone: Annotated[str, typer.Argument(help="The phone they sign in with.")]) -> None:
    """Take all roles from a member of staff and end their sessions, at once."""

    async def run(house: App) -> None:
        from modules.identity import staff

        if not await staff.suspend(house, read_mobile(phone)):
            raise StartError("nobody with this phone is staff")

    in_app("staff", run)
