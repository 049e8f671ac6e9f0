"""Serve one of the servers on one core, with the same server program for all."""

import importlib
import os
import sys

from core.processes.serve import serve
from core.processes.wiring import wire

name, port, core = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
wire()
os.sched_setaffinity(0, {core})
serve(importlib.import_module(f"bench.servers.{name}").create_app, "127.0.0.1", port)
