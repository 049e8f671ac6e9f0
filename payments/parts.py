"""A part of what is due, where its payee takes parts: which amounts there may be."""

from dataclasses import replace

from core.errors import Conflict, InvalidInput
from core.money import FEN_MAX, format_yuan
from core.texts import Locale
from payments import texts
from payments.payable import Quote

_TITLE_MAX = 56
"""Of what is paid for: the title of a payment has 64 characters."""


def cut(quote: Quote, amount_fen: int | None) -> Quote:
    """The quote of a part of what is due, which its title says; of all that is open without one.

    Raises InvalidInput AMOUNT_OUT_OF_RANGE, Conflict PARTS_NOT_TAKEN, ABOVE_DUE, PART_TOO_SMALL.
    """
    wanted_fen, due_fen = quote.amount_fen if amount_fen is None else amount_fen, quote.amount_fen
    if not 0 < wanted_fen <= FEN_MAX:
        raise InvalidInput(texts.AMOUNT_OUT_OF_RANGE, None if amount_fen is None else "amount")
    if wanted_fen == due_fen:
        return quote
    if quote.parts is None:
        raise Conflict(texts.PARTS_NOT_TAKEN, due=format_yuan(due_fen))
    if wanted_fen > due_fen:
        raise Conflict(texts.ABOVE_DUE, due=format_yuan(due_fen))
    if wanted_fen < quote.parts.least_fen:
        raise Conflict(texts.PART_TOO_SMALL, least=format_yuan(quote.parts.least_fen))
    named = texts.PART_TITLE
    return replace(
        quote,
        amount_fen=wanted_fen,
        title_zh=named.say(Locale.ZH, title=quote.title_zh[:_TITLE_MAX]),
        title_en=named.say(Locale.EN, title=quote.title_en[:_TITLE_MAX]),
    )
