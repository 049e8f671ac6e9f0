"""The installation's rotating keys: make the next one, see how far it has spread."""

import typer

from core.context.app import App
from core.errors import StartError
from core.processes.command import in_app
from core.security.keys import add_data_key, add_token_key
from core.settings import read_settings

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command("rotate-tokens")
def rotate_tokens() -> None:
    """Make the next token signing key. Nobody is logged out: older keys go on verifying."""
    path = add_token_key(read_settings().keys_path)
    typer.echo(f"{path.name} made; it signs in each process from its next start.")
    typer.echo("Delete the older key 15 minutes after the last process has started.")


@app.command("rotate-data")
def rotate_data() -> None:
    """Make the next personal-data key; the nightly job seals older values under it."""
    path = add_data_key(read_settings().keys_path)
    typer.echo(f"{path.name} made; `quancheng keys status` tells when the older one is unused.")


@app.command()
def status() -> None:
    """Tell how many values still stand under an older personal-data key."""
    from core.people.data_rights import count_old

    typer.echo(f"{in_app('keys', count_old)} values under older keys")


@app.command()
def retire() -> None:
    """Let go of the older personal-data keys; refuses while a value stands under one."""
    for name in in_app("keys", _retire):
        typer.echo(f"{name}.key is not needed any more: its file may be deleted")


async def _retire(app: App) -> list[str]:
    from core.people.data_rights import count_old
    from core.security.key_proofs import retire_data_keys

    if old := await count_old(app):
        raise StartError(f"{old} values stand under older keys: the nightly job seals them anew")
    return await retire_data_keys(app.vault)
