"""The education bureau's registry and the gates of the 96 schools; docs/upstreams/schools.md."""

from sandbox.server.system import Operation, System
from sandbox.shared.documents import EDUCATION
from sandbox.shared.registry import not_found, record_operation
from sandbox.systems.schools import gates, registry

SYSTEMS = (
    System(
        name="schools",
        title_zh="教育局与校园门禁",
        title_en="Education bureau and school gates",
        schema=registry.SCHEMA,
        operations=(
            Operation("list_registry", "GET", "/schools/registry", registry.list_registry),
            record_operation(
                "find_enrolment", "/schools/pupils/query", registry.enrolment,
                not_found("NOT_ENROLLED", "this person goes to no school"), EDUCATION,
            ),
            Operation("report_leave", "PUT", "/schools/leaves/{leave_id}", registry.take_leave),
            Operation(
                "withdraw_leave", "DELETE", "/schools/leaves/{leave_id}", registry.drop_leave
            ),
        ),
        controls=(
            Operation("pass", "POST", "/_control/schools/passages", gates.pass_gate),
            Operation("heartbeat", "POST", "/_control/schools/heartbeats", gates.heartbeat),
            Operation("days", "PUT", "/_control/schools/days", registry.set_day),
            Operation("leaves", "GET", "/_control/schools/leaves", registry.list_leaves),
        ),
        running=gates.running,
    ),
)  # fmt: skip
