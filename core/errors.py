"""Expected refusals. One class for each thing a client can do about it; the code says the rest.

Anything that is not an AppError is a defect: logged with an id and masked on every transport.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar

from core.assurance import Assurance, ways_to
from core.texts import Locale, Text


class Missing(StrEnum):
    """What a caller must do before an action is possible. LOGIN: sign in. REAL_NAME: verify the
    real name. FRESH_AUTH: confirm once more who is there, with `stepUp`. PROOF: be proved by
    something stronger than a typed name and number.
    """

    LOGIN = "LOGIN"
    REAL_NAME = "REAL_NAME"
    FRESH_AUTH = "FRESH_AUTH"
    PROOF = "PROOF"


class AppError(Exception):
    """A refusal that is part of the contract. Nothing was changed when it is raised.

    `text.code` is stable; `values` fill the blanks of the sentence and may be shown to the caller.
    """

    http_status: ClassVar[int] = 400

    def __init__(self, text: Text, **values: object) -> None:
        super().__init__(text.code)
        self.text = text
        self.values: Mapping[str, object] = values

    @property
    def code(self) -> str:
        """The stable code that clients act on."""
        return self.text.code

    def say(self, locale: Locale) -> str:
        """The sentence for the person."""
        return self.text.say(locale, **self.values)


class InvalidInput(AppError):
    """The input breaks a rule; `field` names the argument at fault."""

    http_status = 422

    def __init__(self, text: Text, field: str | None = None, **values: object) -> None:
        super().__init__(text, **values)
        self.field = field


class NotFound(AppError):
    """No such thing for this caller. Foreign and missing are told in the same words."""

    http_status = 404


class Conflict(AppError):
    """The thing is in a state that does not allow this, or somebody was faster."""

    http_status = 409


class LoginRequired(AppError):
    """The caller must sign in, verify their name, or prove again who they are, first.

    `missing` tells which, `assurance` by what the person has to be proved; `resume_ticket` leads
    back to the refused action (see core.graphql.resume_tickets).
    """

    http_status = 401

    def __init__(
        self,
        text: Text,
        *,
        required_level: int = 1,
        missing: Missing = Missing.LOGIN,
        assurance: Assurance | None = None,
        **values: object,
    ) -> None:
        super().__init__(text, **values)
        self.required_level = required_level
        self.missing = missing
        self.assurance = assurance
        self.resume_ticket: str | None = None

    @property
    def proofs(self) -> Sequence[str]:
        """The mutations by which the person can be proved, where a proof is missing."""
        return ways_to(self.assurance) if self.assurance is not None else ()

    @property
    def extensions(self) -> Mapping[str, object]:
        """What a client acts on, for transports that carry no typed refusal."""
        return {
            "requiredLevel": self.required_level,
            "missing": self.missing,
            "assurance": self.assurance,
            "proofs": list(self.proofs),
            "resumeTicket": self.resume_ticket,
        }


class Forbidden(AppError):
    """The caller is known and may not do this at all."""

    http_status = 403


class RateLimited(AppError):
    """Too many attempts; the same call may succeed after `retry_after_s` seconds."""

    http_status = 429

    def __init__(self, text: Text, *, retry_after_s: int, **values: object) -> None:
        super().__init__(text, retry_after_s=retry_after_s, **values)
        self.retry_after_s = retry_after_s


class Unavailable(AppError):
    """Something we depend on does not answer. The outcome is known: nothing was done."""

    http_status = 503


ERROR_PREFIX = "quancheng: "
"""How the one line of a refusal begins on standard error."""


class StartError(Exception):
    """A process cannot start and has changed nothing; the message is one line for the operator."""


class HeldError(StartError):
    """Another running process holds the folder."""
