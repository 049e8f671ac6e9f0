"""The kept cluster: exactly what a migration makes, and another one as soon as that changes."""

from dataclasses import replace

import pytest

from core.manifest import Manifest
from core.processes.embedded import DatabaseUrls
from core.processes.migrate import check, migrate
from tests.cluster import digest, files_of
from tests.conftest import ROOT


async def test_a_clone_has_nothing_pending(
    database: DatabaseUrls, manifests: tuple[Manifest, ...]
) -> None:
    await check(database.app, manifests)
    assert await migrate(database.owner, database.app, manifests) == []


@pytest.mark.parametrize("change", ["a wing less", "other migrations", "a table that only grows"])
def test_another_set_of_tables_is_another_cluster(
    change: str, manifests: tuple[Manifest, ...]
) -> None:
    *others, last = manifests
    changed = {
        "a wing less": others,
        "other migrations": [*others, replace(last, migrations="notifications.migrations")],
        "a table that only grows": [*others, replace(last, append_only=("core_job",))],
    }[change]
    assert digest(changed) != digest(manifests) == digest(manifests)


def test_every_migration_counts(manifests: tuple[Manifest, ...]) -> None:
    tops = {manifest.package.split(".")[0] for manifest in manifests}
    migrations = {file for top in tops for file in (ROOT / top).rglob("migrations/0*.py")}
    assert len(migrations) > 20
    assert migrations <= set(files_of(manifests))
