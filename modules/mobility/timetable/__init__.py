"""The city's timetable and what is predicted of it, as each process keeps them.

Shared by arrivals, planning and arrival alerts. See docs/transit.md.
"""
