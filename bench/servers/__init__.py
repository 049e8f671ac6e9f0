"""Servers to measure, each one process on one core: `python -m bench.servers NAME PORT CORE`."""
