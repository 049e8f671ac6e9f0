"""What a long-lived process does with its memory once it has started."""

import gc

_YOUNG_OBJECTS = 20_000


def settle_memory() -> None:
    """Take what start-up made out of the garbage collector's sight.

    Schema, documents and libraries live as long as the process; looking through them again and
    again cost a busy process a fifth to a quarter of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
