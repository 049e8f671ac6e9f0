"""What keeps a process from starting: told to the operator in one line, never as a traceback."""

ERROR_PREFIX = "quancheng: "
"""How the one line of a refusal begins on standard error."""


class StartError(Exception):
    """A process cannot start and has changed nothing; the message is one line for the operator."""


class HeldError(StartError):
    """Another running process holds the folder."""
