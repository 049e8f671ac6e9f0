"""Scoring on a Dask cluster: the same file, byte for byte, also when a worker is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from credit.engine.batch import Job, local, score_file
from credit.storage.errors import CreditError
from credit.storage.files import batches

from .conftest import desk_of, history

pytest.importorskip("distributed", reason="extra `cluster` is not installed")

JOB = Job(date(2025, 12, 31), "zh")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "in.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(history())
        writer.writerows(zip(*history().values(), strict=True))
    return path


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers, each a process of its own."""
    told = tmp_path / "scheduler.json"
    file = ["--scheduler-file", str(told), "--host", "127.0.0.1"]
    running = [start(tmp_path, "dask_scheduler", "--port", "0", "--no-dashboard", *file)]
    try:
        url = address_in(told)
        for _ in range(2):
            worker = ["dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            running.append(start(tmp_path, *worker, *file))
        yield url, running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


def start(folder: Path, name: str, *args: str) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{name}", *args],
        env=os.environ | {"PYTHONPATH": root},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )


def address_in(told: Path) -> str:
    """The scheduler's address once it has written it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return json.loads(told.read_text())["address"]
        except (FileNotFoundError, ValueError):
            time.sleep(0.1)
    raise TimeoutError("the scheduler did not start")


def small_batches(source, artefact, spread):
    names = frozenset(desk_of(artefact).input_names)
    return b"".join(part for _, part in spread(batches(source, names, 200)))


@pytest.mark.soak  # a cluster of processes, one of them killed
def test_a_killed_worker_loses_nothing(champion, source, cluster):
    from credit.engine.cluster import on_cluster

    url, workers = cluster
    whole = small_batches(source, champion, local(desk_of(champion), JOB))
    received = []
    stream = on_cluster(desk_of(champion), url, JOB)(
        batches(source, frozenset(desk_of(champion).input_names), 200)
    )
    for i, (_, part) in enumerate(stream):
        received.append(part)
        if i == 3:
            workers[0].send_signal(signal.SIGKILL)
    assert b"".join(received) == whole
    assert workers[0].wait(timeout=10) == -signal.SIGKILL


def test_no_scheduler_is_a_clear_error(champion, source, tmp_path):
    from credit.engine import cluster as module

    spread = module.on_cluster(desk_of(champion), "tcp://127.0.0.1:9", JOB, timeout_s=1)
    with pytest.raises(CreditError, match="no Dask scheduler answers"):
        score_file(desk_of(champion), source, tmp_path / "out.csv", JOB, spread=spread)
    assert list(tmp_path.iterdir()) == []
