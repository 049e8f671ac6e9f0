"""Which worker runs which tests: whole files, and together those that share a running city.

What a module's or a session's fixture starts (a house, a sandbox, a server) is then started once.
"""

from xdist.scheduler import LoadFileScheduling


class ByCity(LoadFileScheduling):
    """Work in units of a file, of all journeys of the running house, of all that break a house."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        folder, _, name = file.rpartition("/")
        if folder != "tests/journeys":
            return file
        breaks = name.startswith(("test_crashes", "test_appointments"))
        return f"{folder}: {'fragile' if breaks else 'house'}"
