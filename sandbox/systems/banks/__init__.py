"""Two banks that lend to small companies through the partner API, each with a key of its own.

They read applications, decide by the applicant's amount (`outcomes`), and pay out what was signed.
"""

from sandbox.server.system import Operation, System
from sandbox.systems.banks import routes
from sandbox.systems.banks.work import running

SYSTEMS = (
    System(
        name="banks",
        title_zh="合作银行",
        title_en="Partner banks",
        schema=routes.SCHEMA,
        operations=(
            Operation("read_keys", "GET", "/banks/{bank}/jwks.json", routes.read_keys),
            Operation("hear_news", "POST", "/banks/{bank}/news", routes.hear_news),
        ),
        controls=(
            Operation("list_acts", "GET", "/_control/banks/{bank}/acts", routes.list_acts),
            Operation("rotate_key", "POST", "/_control/banks/{bank}/key", routes.rotate_key),
        ),
        running=running,
    ),
)
