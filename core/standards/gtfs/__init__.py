"""GTFS Schedule and GTFS-Realtime (gtfs.org): timetables on arrays, and what is predicted of them.

`tables` opens a feed, `schedule` reads it into a `timetable`, `timeline` lays out the trips around
one day, `realtime` reads protobufs, `predictions` lays them over a timeline.
"""
