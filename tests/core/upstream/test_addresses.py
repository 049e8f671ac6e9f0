"""UPSTREAMS_FILE: each fault ends in one line that names the section and no value."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import StartError
from core.settings import Environment, Settings
from core.upstream.addresses import read_addresses


@dataclass(frozen=True)
class Reached:
    """A system as the file sees it."""

    name: str
    optional: bool = False


POLICE, BANK, SPARE = Reached("police"), Reached("bank"), Reached("spare", optional=True)
GOOD = '[police]\nurl = "https://police.example/"\n[bank]\nurl = "http://127.0.0.1:9/x"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "upstreams.toml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def production(settings: Settings, file: Path) -> Settings:
    return settings.model_copy(
        update={"environment": Environment.PRODUCTION, "upstreams_file": file}
    )


def test_an_address_has_no_slash_at_its_end_and_what_is_optional_may_lack_one(
    production: Settings,
) -> None:
    assert read_addresses(production, [POLICE, BANK, SPARE]) == {
        "police": "https://police.example",
        "bank": "http://127.0.0.1:9/x",
    }


def test_outside_production_the_rest_is_the_sandbox_citys(settings: Settings, file: Path) -> None:
    told = settings.model_copy(update={"upstreams_file": file})
    addresses = read_addresses(told, [POLICE, SPARE, Reached("city_library")])
    assert addresses["police"] == "https://police.example"
    assert addresses["city_library"] == f"{settings.sandbox_url}/city-library"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no entry for police; has no entry for bank"),
        (GOOD.replace("https", "http"), r"\[police\]: production calls nobody without TLS"),
        (GOOD.replace("https://police.example/", "ftp://x"), r"\[police\]: its url must be"),
        (GOOD.replace("https://police.example/", "police"), r"\[police\]: its url must be"),
        ("police = 1", "police must be a section"),
        ("[police", "is not TOML"),
    ],
)
def test_a_fault_is_one_line(production: Settings, file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(StartError, match=words) as refused:
        read_addresses(production, [POLICE, BANK, SPARE])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00"])
def test_what_is_no_text_is_no_toml(production: Settings, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(StartError, match="is not TOML"):
        read_addresses(production, [POLICE])


def test_a_file_that_is_not_there_is_named(production: Settings, file: Path) -> None:
    file.unlink()
    with pytest.raises(StartError, match=r"upstreams\.toml cannot be read"):
        read_addresses(production, [POLICE])
