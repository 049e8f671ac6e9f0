"""Cases on which staff work, in a running house."""

from journeys.house import House


async def open_case(house: House, person_id: str, no: str, unit: str) -> None:
    """A case of a person on which a unit works, without walking through an application."""
    await house.query(
        """WITH definition AS (
             INSERT INTO applications_definition
               (id, service_id, item, body, first_state, edges, ends, created_at)
             VALUES (gen_random_uuid(), 'gov-case-apply', 'probe', '{}', 'open', '[]', '[]', now())
             RETURNING id
           ), opened AS (
             INSERT INTO applications_case
               (id, no, service_id, item, definition_id, citizen_id, category, state, turn, unit,
                round, sequence, turn_from_on, promise_days, is_warned, is_escalated,
                is_provisional, opened_at, moved_at)
             SELECT gen_random_uuid(), $2, 'gov-case-apply', 'probe', id, $1, '', 'open', 'UNIT',
                    $3, 1, 0, current_date, 1, false, false, false, now(), now() FROM definition
             RETURNING id
           )
           INSERT INTO applications_task
             (id, case_id, kind, state, round, branch, unit, from_unit, status, opened_at)
           SELECT gen_random_uuid(), id, 'decide', 'open', 1, '', $3, '', 'OPEN', now()
             FROM opened""",
        *(person_id, no, unit),
    )
