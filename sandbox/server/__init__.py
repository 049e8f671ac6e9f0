"""What every outside system is built on: settings, memory, wire, faults, callbacks, the system.

Each file imports only those before it: settings, state, wire, faults, callbacks, system, faulty.
"""
