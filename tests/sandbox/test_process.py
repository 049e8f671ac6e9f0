"""The sandbox as a process, and where it stands among the packages."""

import ast
import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from sandbox.systems import find_systems
from tests.machine import in_time
from tests.sandbox.serving import ROOT, Client, free_port, sandbox_process

PRODUCT = {"core", "notifications", "payments", "kinds", "credit", "modules", "bff"}
ALLOWED = {"core.ids", "core.money"}


def imports_of(source: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_sandbox_borrows_arithmetic_and_nothing_else() -> None:
    borrowed = {
        name
        for source in (ROOT / "sandbox").rglob("*.py")
        for name in imports_of(source)
        if name.partition(".")[0] in PRODUCT
    }
    assert borrowed == ALLOWED


def test_names_in_the_city_are_used_once() -> None:
    systems = find_systems(examples=True)
    assert len({system.name for system in systems}) == len(systems)
    operations = [(op.method, op.path) for s in systems for op in (*s.operations, *s.controls)]
    assert len(set(operations)) == len(operations)
    assert not {s.name for s in systems} & {s.group for s in systems}


def test_a_taken_port_is_one_clear_line() -> None:
    port = free_port()
    with sandbox_process(port):
        environment = {"SANDBOX_PORT": str(port), "PATH": ""}
        second = subprocess.run(
            [sys.executable, "-m", "sandbox"], cwd=ROOT, env=environment, capture_output=True
        )
    assert second.returncode == 1
    assert second.stderr.decode().splitlines() == [
        f"sandbox: port {port} on 127.0.0.1 is in use (SANDBOX_PORT)"
    ]


async def test_it_stops_when_told_even_while_a_request_hangs() -> None:
    port = free_port()
    with sandbox_process(port) as process:
        async with Client(port) as city:
            await city.put("/_control/faults/sms", {"hang": True})
            hanging = asyncio.create_task(city.post("/sms/messages", {}))
            await asyncio.sleep(0.3)
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
            assert in_time(time.monotonic() - started, 5)
            await asyncio.gather(hanging, return_exceptions=True)


def test_it_is_ready_within_two_seconds_of_processor_time() -> None:
    with sandbox_process(free_port()) as process:
        used = psutil.Process(process.pid).cpu_times()
    assert in_time(used.user + used.system, 2, time.process_time)
