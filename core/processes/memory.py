"""What a process does with its memory while it starts, and a long-lived one once it has."""

import gc

_YOUNG_OBJECTS = 20_000
_LOADED_OBJECTS = 50_000


def hurry_loading() -> None:
    """Look for garbage seldom while modules are loaded: there is none, and the looking takes a
    tenth of a start."""
    gc.set_threshold(_LOADED_OBJECTS, 20, 100)


def settle_memory() -> None:
    """Take what start-up made out of the garbage collector's sight.

    Schema, documents and libraries live as long as the process; looking through them again and
    again cost a busy process a fifth to a quarter of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
