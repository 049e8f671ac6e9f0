"""Stand-ins for the product's processes, and `up` over them, so that supervision is tested alone.

`standin.py up` runs the real supervisor; `standin.py <name>` is what it starts. Each stand-in
notes its process id and environment in DATA_DIR/seen. FAIL and STUBBORN in the environment name
processes that refuse, crash or ignore SIGTERM: "refuse:migrate", "crash:api", "worker".
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PEOPLE = [{"name": "测试甲", "role": "citizen", "phone": "13800000000", "note_en": "a citizen"}]
ANSWERS = {"/readyz": {}, "/_control/healthz": {}, "/_control/people": PEOPLE}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        # the real API is ready long after a worker has refused; this one would be faster
        is_early = self.path == "/readyz" and os.environ.get("FAIL", "").endswith(":worker")
        known = self.path in ANSWERS and not is_early
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(ANSWERS.get(self.path)).encode())

    def log_message(self, *_: object) -> None:
        pass


def act(name: str) -> None:
    seen = Path(os.environ["DATA_DIR"]) / "seen"
    seen.mkdir(exist_ok=True)
    (seen / f"{name}.{os.getpid()}").write_text(json.dumps(dict(os.environ)))
    fail = os.environ.get("FAIL", "")
    if fail == f"refuse:{name}":
        sys.exit("quancheng: the database is newer than this code")
    if fail == f"crash:{name}":
        raise RuntimeError("planted crash")
    if name == os.environ.get("STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if name in ("api", "sandbox"):
        port = int(os.environ["PORT" if name == "api" else "SANDBOX_PORT"])
        HTTPServer(("127.0.0.1", port), Answer).serve_forever()
    elif name == "worker":
        time.sleep(600)


def up() -> None:
    from rich.console import Console

    from core.errors import StartError
    from core.processes.supervisor import Plan, Supervisor
    from core.settings import Settings

    plan = Plan(apis=int(os.environ.get("APIS", "1")), workers=int(os.environ.get("WORKERS", "1")))
    try:
        Supervisor(
            Settings(),
            plan,
            Console(width=200),
            command_of=lambda name: [sys.executable, __file__, name],
        ).run()
    except StartError as error:
        sys.exit(f"quancheng: {error}")


if __name__ == "__main__":
    up() if sys.argv[1] == "up" else act(sys.argv[1])
