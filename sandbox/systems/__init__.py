"""Every outside system, one file or folder each, found by name at start-up.

A file here declares `SYSTEMS`, a tuple of `sandbox.server.system.System`; to add one, add a file.
`_example` has those of the example services.
"""

import importlib
import pkgutil

from sandbox.server.system import System


def find_systems(*, examples: bool = False) -> tuple[System, ...]:
    """All systems of all files here, in the order of the files' names.

    Names that start with an underscore are examples: they are found only when asked for.
    """
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(__path__)
        if examples or not module.name.startswith("_")
    )
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(system for module in modules for system in module.SYSTEMS)
