"""The ground floor's manifest: its tables and its housekeeping."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="core",
    rooms=(
        "states",
        "context.contributions",
        "people",
        "processes.housekeeping",
        "processes.backlog",
        "database.models",
    ),
    migrations="database.migrations",
    append_only=("core_access_log",),
    commands={
        "jobs": "processes.jobs_command",
        "keys": "processes.keys_command",
        "architecture": "processes.architecture_command",
    },
)
