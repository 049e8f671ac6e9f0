"""The files of a new service: copies of the example's, with its own words, and what they change.

A copy is made of the folder, its tests and its sandbox system; the module's manifest and the
catalogue have one entry more.
"""

import csv
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.catalogue import Service
from core.errors import StartError
from core.manifest import CATALOGUE, Manifest

EXAMPLES = "_example"
KINDS = {kind.lower(): kind for kind in ("QUERY", "SUBSCRIPTION", "PAYMENT")}
_ROOMS = re.compile(r"rooms=\((.*?),?\s*\)", re.DOTALL)
Files = Mapping[Path, str]
"""Texts by path, from the tree's root on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A service to be made; `kind` is a key of KINDS, `module` a folder of `modules/`."""

    id: str
    kind: str
    module: str
    name_zh: str
    name_en: str

    @property
    def word(self) -> str:
        """Its folder, and what its tables and templates begin with."""
        return self.id.replace("-", "_")


def plan(root: Path, manifests: Sequence[Manifest], wanted: Wanted, tile: Service) -> Files:
    """The new files and the changed ones. Raises StartError for a GraphQL name that is taken."""
    own, module = find_module(manifests, wanted.module), Path("modules", wanted.module)
    words = _words(example_of(manifests, wanted), wanted, own.name if own else wanted.module)
    files = {
        Path(_respell(str(path), words)): _respell(text, words)
        for source, target in targets_of(wanted).items()
        for path, text in _copies(root, source, target)
    }
    _refuse_taken(root, wanted, files.values())
    has_tables = module / wanted.word / "models.py" in files
    example = (root / "modules" / EXAMPLES / "module.py").read_text("utf-8")
    if own is None:
        files[module / "__init__.py"] = f'"""{tile.name_en}."""\n'
        files[module / "module.py"] = _new_manifest(example, wanted, has_tables=has_tables)
    else:
        source = (root / module / "module.py").read_text("utf-8")
        files[module / "module.py"] = _with_room(source, wanted.word, has_tables=has_tables)
    if has_tables and (own is None or own.migrations is None):
        files[module / "migrations" / "__init__.py"] = f'"""The migrations of {wanted.module}."""\n'
    catalogue = Path("modules", CATALOGUE)
    files[catalogue] = _with_tile((root / catalogue).read_text("utf-8"), tile, wanted.module)
    return files


def write(root: Path, files: Files, word: str) -> None:
    """Write the files, and what follows from declarations; nothing where that is refused.

    A migration that changes a module's tables is named after the service, by its `word`.
    """
    ruff = _find_ruff()
    before = {path: _text_of(root / path) for path in files}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    try:
        # a process of its own: this one has loaded the tree as it was
        written = _run(root, sys.executable, "-m", "core.processes.cli", "generate")
        for migration in map(Path, written.splitlines()):
            migration.rename(migration.with_name(_named(migration.name, word)))
        _tidy(root, ruff, files)
    except StartError:
        _undo(root, before)
        raise


def _named(migration: str, word: str) -> str:
    """A migration's file name without the moment at which it was written."""
    return re.sub(r"_auto_\w+", f"_{word}", migration)


def find_module(manifests: Sequence[Manifest], folder: str) -> Manifest | None:
    """The manifest of a folder of `modules/`."""
    return next((one for one in manifests if one.package == f"modules.{folder}"), None)


def example_of(manifests: Sequence[Manifest], wanted: Wanted) -> Service:
    """The line of the example of a service's kind."""
    examples = find_module(manifests, EXAMPLES)
    assert examples is not None
    return next(tile for tile in examples.services if tile.kind == KINDS[wanted.kind])


def targets_of(wanted: Wanted) -> Mapping[Path, Path]:
    """Where the example's folders and files stand, and where their copies go."""
    parts, module = Path(EXAMPLES, wanted.kind), Path(wanted.module, wanted.word)
    return {
        "modules" / parts: "modules" / module,
        "tests/modules" / parts: "tests/modules" / module,
        "sandbox/systems" / parts.with_suffix(".py"): Path("sandbox/systems", f"{wanted.word}.py"),
    }


def _copies(root: Path, source: Path, target: Path) -> list[tuple[Path, str]]:
    """A file, or all files of a folder: where each goes, and its text."""
    if source.suffix:
        return [(target, (root / source).read_text("utf-8"))]
    return [
        (target / path.relative_to(root / source), path.read_text("utf-8"))
        for path in sorted((root / source).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    ]


def _words(example: Service, wanted: Wanted, wing: str) -> Mapping[str, str]:
    """What stands for what: places, the wing's name, the id in its spellings, the names."""
    return {
        f"modules.{EXAMPLES}.{wanted.kind}": f"modules.{wanted.module}.{wanted.word}",
        '"example"': f'"{wing}"',
        '"example.': f'"{wing}.',
        **dict(zip(_spellings(example.id), _spellings(wanted.id), strict=True)),
        example.name_zh: wanted.name_zh,
        example.name_en: wanted.name_en,
    }


def _spellings(id: str) -> Sequence[str]:
    """pool-hours as pool-hours, pool_hours, POOL_HOURS, PoolHours and poolHours."""
    word, pascal = id.replace("-", "_"), "".join(part.capitalize() for part in id.split("-"))
    return id, word, word.upper(), pascal, pascal[0].lower() + pascal[1:]


def _respell(text: str, words: Mapping[str, str]) -> str:
    for old, word in words.items():
        text = text.replace(old, word)
    return text


def _refuse_taken(root: Path, wanted: Wanted, texts: Iterable[str]) -> None:
    """Raise StartError where the schema has a name already that the copy would give."""
    *_, pascal, camel = _spellings(wanted.id)
    given = {
        name
        for text in texts
        for name in re.findall(rf"\b(?:{camel}|\w*{pascal})[A-Za-z]*\b", text)
    }
    known = set(re.findall(r"\w+", (root / "schema.graphql").read_text("utf-8")))
    for name in sorted(given & known):
        raise StartError(f"{wanted.id}: the schema has {name} already")


def _new_manifest(example: str, wanted: Wanted, *, has_tables: bool) -> str:
    """The manifest of a module with one room."""
    source = _respell(example, {'"example"': f'"{wanted.module}"'})
    source = _ROOMS.sub(f'rooms=("{wanted.word}",)', source)
    return source if has_tables else re.sub(r"\n *migrations=.*", "", source)


def _with_room(source: str, room: str, *, has_tables: bool) -> str:
    """A manifest with one more room, and with migrations where it has tables from now on."""
    found = _ROOMS.search(source)
    rooms = f'rooms=({found[1]}, "{room}")' if found else f'rooms=("{room}",)'
    if has_tables and "migrations=" not in source:
        rooms += ', migrations="migrations"'
    if found:
        return _ROOMS.sub(rooms, source)
    return re.sub(r'(name="\w+"),?', rf"\1, {rooms}", source, count=1)


def _with_tile(table: str, tile: Service, folder: str) -> str:
    """The catalogue with this line among the others, in the place of a planned one."""
    fresh_auth = {None: "", True: "yes", False: "no"}[tile.fresh_auth]
    cells = (
        *(tile.number, tile.id, tile.name_zh, tile.name_en, tile.theme, tile.kind),
        *(tile.department, tile.identity_level, tile.status),
        *(fresh_auth, tile.assurance or "", "yes" if tile.for_others else "", folder),
    )
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    head, *lines = table.splitlines(keepends=True)
    by_number = {int(one.partition(",")[0]): one for one in lines} | {tile.number: line.getvalue()}
    return "".join([head, *(by_number[number] for number in sorted(by_number))])


def _text_of(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def _undo(root: Path, before: Mapping[Path, str | None]) -> None:
    """Put back what was there, and remove what was not."""
    for path, text in before.items():
        if text is not None:
            (root / path).write_text(text, "utf-8")
            continue
        (root / path).unlink(missing_ok=True)
        shutil.rmtree(root / path.parent / "__pycache__", ignore_errors=True)
        for folder in path.parents:
            if not (root / folder).is_dir() or any((root / folder).iterdir()):
                break
            (root / folder).rmdir()


def _find_ruff() -> str:
    """The formatter. Raises StartError where it is not installed."""
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        raise StartError("ruff is not there: `make check` installs the tools")
    return str(ruff)


def _tidy(root: Path, ruff: str, files: Files) -> None:
    """Sort imports and break lines anew: names are longer or shorter than the example's."""
    folders = {str(path.parent) for path in files if path.suffix == ".py"}
    _run(root, ruff, "check", "--quiet", "--select", "I", "--fix", *folders)
    _run(root, ruff, "format", "--quiet", *folders)


def _run(root: Path, *command: str) -> str:
    """What a command says that runs in the tree. Raises StartError with its last line."""
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)  # noqa: S603 - ours
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"{command[0]} failed"]
        raise StartError(lines[-1].removeprefix("quancheng: "))
    return done.stdout
