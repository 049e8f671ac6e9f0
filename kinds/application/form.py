"""Forms: answers held against their declared fields, everything that is wrong told at once."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from core.clock import parse_date
from core.errors import InvalidInput
from core.id_documents import kind_of, read_document_no
from core.ids import is_mobile, is_resident_id
from core.texts import Locale, Text
from core.typed_text import read_mobile, read_resident_id
from kinds.application import texts
from kinds.application.definition import Definition, Field, FieldType, Material

ANSWER_CHARS_MAX = 5_000
"""The longest answer, whatever a field says."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is missing or wrong: a field or a paper by name, and the sentence for the person."""

    name: str
    text: Text
    values: Mapping[str, object]
    titles: Mapping[Locale, str]

    def say(self, locale: Locale) -> str:
        """The sentence in one language."""
        return self.text.say(locale, title=self.titles[locale], **self.values)


class FormIncomplete(InvalidInput):
    """Everything that keeps a form from being taken, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(texts.FORM_INCOMPLETE, "answers", count=len(problems))
        self.problems = problems


def read_answers(
    definition: Definition, answers: Mapping[str, str], today: date, *, complete: bool
) -> tuple[Mapping[str, str], list[Problem]]:
    """The answers as they are kept (blanks dropped, white space around them cut), and what is wrong
    with them. With `complete` a required field that is not there is a problem."""
    fields = {field.name: field for field in definition.form}
    given = {name: _read(fields.get(name), text) for name, text in answers.items()}
    problems = [
        Problem(name[:64], texts.FIELD_UNKNOWN, {"name": name[:64]}, _NO_TITLE)
        for name in given
        if name not in fields
    ]
    for field in definition.form:
        text = given.get(field.name, "")
        if text:
            problems += _faults(field, text, today)
        elif complete and field.required:
            problems.append(_problem(field, texts.FIELD_MISSING))
    return {name: text for name, text in given.items() if text}, problems


def problem_of(definition: Definition, name: str, text: Text, **values: object) -> Problem:
    """What a rule of the service's own finds wrong with a field; `text` may fill in {title}."""
    return _problem(next(field for field in definition.form if field.name == name), text, **values)


def find_missing_papers(
    definition: Definition,
    answers: Mapping[str, str],
    attached: Collection[str],
    requested: Mapping[str, bool],
) -> list[Problem]:
    """The papers that a case still lacks.

    `attached` are the papers with a file, `asked` those that an officer wants anew, and whether one
    has come since.
    """
    problems = []
    for material in definition.materials:
        if not requested.get(material.code, True):
            problems.append(_paper(material, texts.MATERIAL_ANEW))
        elif material.code not in attached and is_wanted(material, answers):
            problems.append(_paper(material, texts.MATERIAL_MISSING))
    return problems


def is_wanted(material: Material, answers: Mapping[str, str]) -> bool:
    """Whether a paper has to be handed in with these answers."""
    if material.when is None:
        return material.required
    name, value = material.when
    return material.required and answers.get(name) == value


def _paper(material: Material, text: Text) -> Problem:
    titles = {locale: material.title.say(locale) for locale in Locale}
    return Problem(material.code, text, {}, titles)


_NO_TITLE = dict.fromkeys(Locale, "")


def _read(field: Field | None, text: str) -> str:
    """An answer as it is kept."""
    if field is not None and field.type is FieldType.RESIDENT_ID:
        return read_resident_id(text)
    if field is not None and field.type is FieldType.DOCUMENT:
        return read_document_no(text)
    if field is not None and field.type is FieldType.MOBILE:
        return read_mobile(text).strip()
    return text.strip()


def _problem(field: Field, text: Text, **values: object) -> Problem:
    titles = {locale: field.title.say(locale) for locale in Locale}
    return Problem(field.name, text, values, titles)


def _faults(field: Field, text: str, today: date) -> list[Problem]:
    if field.type in (FieldType.TEXT, FieldType.PARAGRAPH):
        most = min(field.most, ANSWER_CHARS_MAX)
        if len(text) > most:
            return [_problem(field, texts.FIELD_LONG, most=most)]
    return [] if _is_valid(field, text, today) else [_problem(field, texts.FIELD_INVALID)]


def _is_valid(field: Field, text: str, today: date) -> bool:
    match field.type:
        case FieldType.CHOICE:
            return text in [option.value for option in field.options]
        case FieldType.FLAG:
            return text in ("true", "false")
        case FieldType.NUMBER:
            is_number = re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) is not None
            return is_number and field.least <= int(text) <= field.most
        case FieldType.DATE:
            return _is_date(text)
        case FieldType.RESIDENT_ID:
            return is_resident_id(text, today=today)
        case FieldType.DOCUMENT:
            return kind_of(text, today=today) is not None
        case FieldType.MOBILE:
            return is_mobile(text)
        case FieldType.TEXT:
            if not text.isprintable():
                return False
        case FieldType.PARAGRAPH:
            if not all(char.isprintable() or char in "\n\t" for char in text):
                return False
    if len(text) < field.least:
        return False
    return not field.pattern or re.fullmatch(field.pattern, text) is not None


def _is_date(text: str) -> bool:
    try:
        parse_date(text)
    except ValueError:
        return False
    return True
