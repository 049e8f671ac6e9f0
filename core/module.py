"""The ground floor's manifest: its tables and its housekeeping."""

from core.manifest import JobKind, Lane, Manifest, Schedule

MANIFEST = Manifest(
    name="core",
    models="core.models",
    migrations="core.migrations",
    append_only=("core_access_log",),
    jobs=(
        JobKind("core.forget_expired", "core.housekeeping:forget_expired", lane=Lane.BULK),
        JobKind("core.reseal", "core.personal_data:reseal", lane=Lane.BULK, timeout_s=3600),
    ),
    schedules=(
        Schedule("core.forget_expired", "15 19 * * *"),
        Schedule("core.reseal", "30 19 * * *"),
    ),
    extensions=(("telemetry.gauges", "core.backlog:SOURCES"),),
    commands=(("jobs", "core.jobs_command:app"), ("keys", "core.keys_command:app")),
)
