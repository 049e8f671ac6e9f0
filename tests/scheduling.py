"""Which worker runs which tests: whole files, and together those that share something dear.

What they share (a running house, a model of real loans) is then made once.
"""

from xdist.scheduler import LoadFileScheduling

REAL_LOANS = {f"tests/credit/test_{name}.py" for name in ("figures", "leaks", "monitor")}


class ByCity(LoadFileScheduling):
    """Work in units of a file; all journeys of the running house, all that break a house, and all
    tests of the model of real loans are one unit each."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        if file in REAL_LOANS:
            return "tests/credit: real loans"
        folder, _, name = file.rpartition("/")
        if folder != "tests/journeys":
            return file
        breaks = name.startswith(("test_crashes", "test_appointments"))
        return f"{folder}: {'fragile' if breaks else 'house'}"
