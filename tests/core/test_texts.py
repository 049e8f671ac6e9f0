"""Words for people: every sentence in two languages, under one code."""

import importlib
import re
import string

import pytest

from core.texts import Locale, Named, Text
from tests.conftest import ROOT

CATALOGUES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
    for wing in ("core", "notifications", "payments", "kinds", "credit", "modules", "bff")
    for path in (ROOT / wing).rglob("*texts*.py")
)


def _texts() -> dict[str, list[tuple[str, Text]]]:
    found: dict[str, list[tuple[str, Text]]] = {}
    for catalogue in CATALOGUES:
        for name, value in vars(importlib.import_module(catalogue)).items():
            if isinstance(value, Text):
                found.setdefault(value.code, []).append((f"{catalogue}.{name}", value))
    return found


def _blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_there_are_catalogues() -> None:
    assert {"core.refusal_texts", "modules.identity.texts"} <= set(CATALOGUES)


def test_a_code_means_one_sentence() -> None:
    twice = {code: owners for code, owners in _texts().items() if len({t for _, t in owners}) > 1}
    assert not twice


@pytest.mark.parametrize(
    "name", [Named("民政局", "the registry"), Text("X", "民政局", "the registry")]
)
def test_a_name_in_a_blank_is_said_in_the_sentences_language(name: Named | Text) -> None:
    sentence = Text("Y", "{who}没有回应", "{who} does not answer")
    assert sentence.say(Locale.ZH, who=name) == "民政局没有回应"
    assert sentence.say(Locale.EN, who=name) == "the registry does not answer"


@pytest.mark.parametrize("code", sorted(_texts()))
def test_both_languages_say_the_same_with_the_same_blanks(code: str) -> None:
    for _, text in _texts()[code]:
        assert text.zh.strip()
        assert text.en.strip()
        words = re.sub(r"\{\w+\}", "", text.zh)
        assert not words.strip(" :·-") or any("㐀" <= character <= "鿿" for character in words)
        assert not any("㐀" <= character <= "鿿" for character in text.en)
        assert _blanks(text.zh) == _blanks(text.en)
        assert code.replace("_", "").isalnum()
        assert code == code.upper()


def test_every_sentence_is_used() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for path in ROOT.rglob("*.py")
        if not {".venv", "tests", "node_modules"} & set(path.relative_to(ROOT).parts)
    )
    unused = [
        name.rpartition(".")[2]
        for owners in _texts().values()
        for name, _ in owners
        if sources.count(name.rpartition(".")[2]) < 2
    ]
    assert unused == []


def test_a_hole_in_a_sentence_is_a_mistake() -> None:
    text = Text("SENT", "已发送至 {phone}", "Sent to {phone}")
    assert text.say(Locale.ZH, phone="138****8000") == "已发送至 138****8000"
    assert text.say(Locale.EN, phone="138****8000", more="ignored") == "Sent to 138****8000"
    with pytest.raises(KeyError):
        text.say(Locale.EN)


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, Locale.ZH),
        ("", Locale.ZH),
        ("en", Locale.EN),
        ("en-GB,zh;q=0.8", Locale.EN),
        ("zh-CN,en;q=0.8", Locale.ZH),
        ("fr-FR, de;q=0.9, EN-us;q=0.8", Locale.EN),
        ("*", Locale.ZH),
        (";;;,,,", Locale.ZH),
        ("fr", Locale.ZH),
    ],
)
def test_the_first_language_we_speak(header: str | None, locale: Locale) -> None:
    assert Locale.from_header(header) is locale
