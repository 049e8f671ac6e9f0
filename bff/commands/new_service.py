"""Make a new service out of the example of its kind.

Each folder of `modules/_example/` is a whole service. It is copied with its tests, its sandbox
system and its document, and the new service's words are put in the place of the example's.
"""

import keyword
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bff.commands.service_files import (
    KINDS,
    Wanted,
    example_of,
    find_module,
    plan,
    targets_of,
    write,
)
from core.catalogue import Service, ServiceKind, ServiceStatus, Theme
from core.city import load_city
from core.errors import StartError
from core.manifest import Manifest, discover
from core.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
ID_CHARS, NAME_CHARS = 28, 40

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FOLDER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

app = typer.Typer(help="Begin something new.", no_args_is_help=True)


@app.callback()
def new() -> None:
    """Begin something new."""


@app.command()
def service(
    name: Annotated[str, typer.Argument(help="The service's id: pool-hours.")],
    kind: Annotated[str, typer.Option(help="query, subscription or payment.")],
    module: Annotated[
        str | None, typer.Option(help="The folder of modules/; one of its own where none is given.")
    ] = None,
    theme: Annotated[
        str | None, typer.Option(help="Of the catalogue; the module's where none is given.")
    ] = None,
    department: Annotated[
        str | None, typer.Option(help="A key of the city file; the module's where none is given.")
    ] = None,
    name_zh: Annotated[str | None, typer.Option(help="What it is called in Chinese.")] = None,
    name_en: Annotated[str | None, typer.Option(help="What it is called in English.")] = None,
) -> None:
    """Write a service that runs, with its tests, its sandbox system and its document."""
    manifests = discover(examples=True)
    folder, planned = find_planned(manifests, name) or (name.replace("-", "_"), None)
    english = name_en or (planned.name_en if planned else name.replace("-", " ").capitalize())
    chinese = name_zh or (planned.name_zh if planned else english)
    wanted = Wanted(name, kind, module or folder, chinese, english)
    refuse(ROOT, manifests, wanted)
    files = plan(ROOT, manifests, wanted, tile_of(manifests, wanted, theme, department))
    write(ROOT, files, wanted.word)
    typer.echo("\n".join(str(path) for path in files))
    typer.echo("What to write next: docs/adding-a-service.md")


def refuse(root: Path, manifests: Sequence[Manifest], wanted: Wanted) -> None:
    """Raise StartError, one line, for what cannot be made."""
    if not _ID.fullmatch(wanted.id) or len(wanted.id) > ID_CHARS or keyword.iskeyword(wanted.id):
        raise StartError(f"{wanted.id}: an id is kebab-case, at most {ID_CHARS} characters")
    if wanted.kind not in KINDS:
        raise StartError(f"{wanted.kind}: a kind is {', '.join(KINDS)}")
    if not _FOLDER.fullmatch(wanted.module) or keyword.iskeyword(wanted.module):
        raise StartError(f"{wanted.module}: a module is snake_case")
    for name in (wanted.name_zh, wanted.name_en):
        if not 0 < len(name) <= NAME_CHARS or set(name) & set('"\\{}\n'):
            raise StartError(f"{name}: a name is at most {NAME_CHARS} plain characters")
    _refuse_tile(manifests, wanted)
    for path in targets_of(wanted).values():
        if (root / path).exists():
            raise StartError(f"{path} is there already")


def _refuse_tile(manifests: Sequence[Manifest], wanted: Wanted) -> None:
    """Raise StartError where the catalogue has the id and does not plan just this."""
    if all(wanted.id != tile.id for manifest in manifests for tile in manifest.services):
        return
    found, example = find_planned(manifests, wanted.id), example_of(manifests, wanted)
    if found is None:
        raise StartError(f"{wanted.id} is in the catalogue already")
    folder, tile = found
    planned = f"{tile.kind} of level {tile.identity_level} in {folder}"
    made = f"{example.kind} of level {example.identity_level} in {wanted.module}"
    if planned != made:
        raise StartError(f"{wanted.id} is planned as {planned}, not as {made}")


def find_planned(manifests: Sequence[Manifest], id: str) -> tuple[str, Service] | None:
    """A service that the catalogue has as planned, with the folder where it is to be."""
    return next(
        (
            (manifest.package.rpartition(".")[2], tile)
            for manifest in manifests
            for tile in manifest.services
            if (tile.id, tile.status) == (id, ServiceStatus.PLANNED)
        ),
        None,
    )


def tile_of(
    manifests: Sequence[Manifest], wanted: Wanted, theme: str | None, department: str | None
) -> Service:
    """The line of the catalogue: the planned one, or one with the next free number.

    Theme and department are the module's last service's where they are not given, or else the
    example's. Raises StartError for a theme or a department that there is not.
    """
    if found := find_planned(manifests, wanted.id):
        return replace(found[1], status=ServiceStatus.LIVE)
    example = example_of(manifests, wanted)
    own = find_module(manifests, wanted.module)
    like = [example, *(own.services if own else ())][-1]
    theme, department = theme or like.theme, department or like.department
    if theme not in set(Theme):
        raise StartError(f"{theme}: a theme is {', '.join(Theme)}")
    city = load_city(read_settings().city_file)
    if department not in city.departments:
        raise StartError(f"{department}: {city.slug} has no such department")
    product = [manifest for manifest in manifests if example not in manifest.services]
    return Service(
        max(tile.number for manifest in product for tile in manifest.services) + 1,
        wanted.id,
        wanted.name_zh,
        wanted.name_en,
        Theme(theme),
        ServiceKind(KINDS[wanted.kind]),
        department,
        example.identity_level,
        ServiceStatus.LIVE,
    )
