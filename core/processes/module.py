"""The ground floor's manifest: its tables and its housekeeping."""

from core.manifest import JobKind, Lane, Manifest, Schedule

MANIFEST = Manifest(
    name="core",
    models=("core.database.models",),
    migrations="core.database.migrations",
    append_only=("core_access_log",),
    jobs=(
        JobKind(
            "core.forget_expired", "core.processes.housekeeping:forget_expired", lane=Lane.BULK
        ),
        JobKind("core.reseal", "core.people.data_rights:reseal", lane=Lane.BULK, timeout_s=3600),
    ),
    schedules=(
        Schedule("core.forget_expired", "15 19 * * *"),
        Schedule("core.reseal", "30 19 * * *"),
    ),
    extensions=(("telemetry.gauges", "core.processes.backlog:SOURCES"),),
    commands=(
        ("jobs", "core.processes.jobs_command:app"),
        ("keys", "core.processes.keys_command:app"),
    ),
)
