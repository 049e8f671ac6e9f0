"""Templates: what a wing may say, in both languages, with the type of every parameter.

A template is the agreement between its caller and its words: `params` are what callers give, and
both languages use exactly these. A template whose languages differ does not load; a call that
leaves a parameter out, or gives one too many, sends nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from string import Formatter
from typing import Protocol, runtime_checkable

from core.clock import SHANGHAI
from core.context.app import App
from core.errors import StartError
from core.money import format_yuan
from core.rooms import ExtensionPoint
from core.texts import Locale, Text
from notifications.templates.domain import CLASSES, Channel, ClassRule, MessageClass, SendLane

VALUE_MAX = 500
"""Characters of one text parameter."""


class InvalidParameters(ValueError):
    """A call does not fit its template; the text names parameters, never their values."""


@runtime_checkable
class Spoken(Protocol):
    """A value that has a form in each language: a Text or a Named."""

    def say(self, locale: Locale) -> str:
        """The value in one language."""
        ...


class Param(StrEnum):
    """The types of parameters."""

    TEXT = "text"
    """A str, or a value that is spoken in each language; not blank."""
    NUMBER = "number"
    """An int."""
    FEN = "fen"
    """An int of fen, shown in yuan."""
    DATE = "date"
    """A date, shown as 2026-11-28."""
    MOMENT = "moment"
    """An aware datetime, shown in the city's time as 11-28 09:30."""


@dataclass(frozen=True, slots=True)
class Template:
    """A message that a wing sends: title and body with blanks, its class, its parameters.

    A blank that `params` does not name is a TEXT. Raises StartError where the languages of a text
    have other blanks than one another, and for a parameter that no text uses.
    """

    id: str
    title: Text
    body: Text
    sms: bool = False
    """Goes by SMS where push does not reach the person."""
    by_voice: bool = False
    """Is read out by a call, and goes in no other way."""
    about: MessageClass = MessageClass.SERVICE
    version: int = 1
    """Counts up whenever the words or the parameters change; each message notes its own."""
    params: Mapping[str, Param] = field(default_factory=dict)
    valid_for: timedelta = timedelta(days=1)
    """After that nobody wants it any more: it is no longer handed to a provider."""
    digest: timedelta | None = None
    """Where given, those of one person within one window of this length leave the inbox as one."""

    def __post_init__(self) -> None:
        blanks = blanks_of(self.id, self.title) | blanks_of(self.id, self.body)
        unused = sorted(self.params.keys() - blanks)
        if unused:
            raise StartError(f"template {self.id}: no text uses {', '.join(unused)}")
        given = {name: self.params.get(name, Param.TEXT) for name in sorted(blanks)}
        object.__setattr__(self, "params", given)
        if self.digest is not None and blanks_of(self.id, self.title):
            raise StartError(f"template {self.id}: a digest's title has no blanks")

    @property
    def rule(self) -> ClassRule:
        """What holds for the template's class."""
        return CLASSES[self.about]

    @property
    def lane(self) -> SendLane:
        """Where its deliveries queue."""
        return self.rule.lane if self.digest is None else SendLane.DIGEST

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels to try, in order."""
        if self.by_voice:
            return (Channel.VOICE,)
        more = (Channel.SMS,) if self.sms and Channel.SMS not in self.rule.channels else ()
        return (*self.rule.channels, *more)

    def pick(self, values: Mapping[str, object]) -> dict[str, object]:
        """Of values that serve several templates, those that this one takes."""
        return {name: value for name, value in values.items() if name in self.params}

    def render(self, locale: Locale, values: Mapping[str, object]) -> tuple[str, str]:
        """Title and body in a language. Raises InvalidParameters."""
        return self._fill(locale, say_values(self.id, self.params, locale, values))

    def sample(self, locale: Locale, values: Mapping[str, str]) -> tuple[str, str]:
        """The same of values that are written as they are to be read. Raises InvalidParameters."""
        texts = dict.fromkeys(self.params, Param.TEXT)
        return self._fill(locale, say_values(self.id, texts, locale, values))

    def _fill(self, locale: Locale, said: Mapping[str, str]) -> tuple[str, str]:
        return self.title.say(locale, **said), self.body.say(locale, **said)


TEMPLATES = ExtensionPoint("message template", Template, key=lambda template: template.id)


def templates_of(app: App) -> Mapping[str, Template]:
    """Every template of the services by id."""
    return app.once(TEMPLATES.name, lambda: {t.id: t for t in app.extensions(TEMPLATES)})


def blanks_of(template_id: str, text: Text) -> frozenset[str]:
    """The names of a text's blanks. Raises StartError where its languages differ in them."""
    zh, en = _blanks(text.zh), _blanks(text.en)
    if zh != en:
        names = ", ".join(sorted(zh ^ en))
        raise StartError(f"template {template_id}: {text.code} has {names} in one language only")
    return zh


def say_values(
    template_id: str,
    params: Mapping[str, Param],
    locale: Locale,
    values: Mapping[str, object],
) -> dict[str, str]:
    """The values of all parameters as a language shows them.

    Raises InvalidParameters for one that is missing, one too many, or one of another type.
    """
    if missing := sorted(params.keys() - values.keys()):
        raise InvalidParameters(f"template {template_id} lacks {', '.join(missing)}")
    if extra := sorted(values.keys() - params.keys()):
        raise InvalidParameters(f"template {template_id} has no {', '.join(extra)}")
    said = {name: _say(kind, locale, values[name]) for name, kind in params.items()}
    if wrong := sorted(name for name, value in said.items() if value is None):
        raise InvalidParameters(f"template {template_id}: {', '.join(wrong)} of another type")
    return {name: value for name, value in said.items() if value is not None}


def _say(kind: Param, locale: Locale, value: object) -> str | None:
    """The value as it is shown; None where it is not of the type."""
    match kind, value:
        case Param.TEXT, str():
            return value if value.strip() and len(value) <= VALUE_MAX else None
        case Param.TEXT, Spoken():
            return value.say(locale)
        case ((Param.NUMBER | Param.FEN), bool()):
            return None
        case Param.NUMBER, int():
            return str(value)
        case Param.FEN, int():
            return format_yuan(value)
        case Param.MOMENT, datetime() if value.tzinfo is not None:
            return f"{value.astimezone(SHANGHAI):%m-%d %H:%M}"
        case Param.DATE, date() if not isinstance(value, datetime):
            return value.isoformat()
    return None


def _blanks(sentence: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(sentence) if name is not None)
