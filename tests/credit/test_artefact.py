"""Artefacts: signed or refused, the same bytes every time, loaded without a training library."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.security.keys import ensure_sandbox_keys
from credit.engine.artefact import MODEL_FILE, SEAL_FILE, load, save
from credit.storage.errors import ArtefactError
from credit.storage.keys import MODEL_KEY_FILE, read_private_key, read_trusted_key
from credit.storage.seals import canonical
from credit.training.data import build
from credit.training.provenance import Order
from credit.training.train import train

from .conftest import KEY, history, jinan_contents, small
from .conftest import SMALL_JINAN as SPEC


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(jinan_contents()["champion"], tmp_path, KEY)
    return tmp_path


def test_saved_and_loaded(folder, champion):
    loaded = load(folder, [KEY.public_key()])
    assert loaded.hash == champion.hash
    assert loaded.spec == "jinan"
    assert loaded.simulated


def test_unsigned_is_refused(folder):
    (folder / SEAL_FILE).unlink()
    with pytest.raises(ArtefactError, match="unsigned"):
        load(folder, [KEY.public_key()])


@pytest.mark.parametrize("place", [0.01, 0.3, 0.7, 0.99])
def test_one_changed_byte_is_refused(folder, place):
    data = bytearray((folder / MODEL_FILE).read_bytes())
    data[int(len(data) * place)] ^= 1
    (folder / MODEL_FILE).write_bytes(bytes(data))
    with pytest.raises(ArtefactError, match="changed"):
        load(folder, [KEY.public_key()])


def test_a_strangers_seal_is_refused_even_if_it_holds(tmp_path):
    save(jinan_contents()["champion"], tmp_path, Ed25519PrivateKey.generate())
    with pytest.raises(ArtefactError, match="unknown key"):
        load(tmp_path, [KEY.public_key()])


def test_a_damaged_seal_and_another_format_are_refused(folder):
    seal = (folder / SEAL_FILE).read_bytes()
    (folder / SEAL_FILE).write_bytes(b"{}")
    with pytest.raises(ArtefactError, match="seal"):
        load(folder, [KEY.public_key()])
    (folder / SEAL_FILE).write_bytes(seal)
    save({**jinan_contents()["champion"], "format": "other/9"}, folder, KEY)
    with pytest.raises(ArtefactError, match="format"):
        load(folder, [KEY.public_key()])


def test_an_absent_model_says_so(tmp_path):
    with pytest.raises(ArtefactError, match="absent"):
        load(tmp_path, [KEY.public_key()])


def test_two_trainings_give_the_same_bytes_and_another_seed_does_not():
    spec = small(SPEC, 25)
    head = {name: values[:2500] for name, values in history().items()}

    def run(seed: int) -> bytes:
        data = build(head, spec, today=None)
        return canonical(train(spec, data, Order(None, seed, "d" * 64, "x")))

    assert run(4) == run(4)
    assert run(4) != run(5)


def test_loading_and_deciding_need_no_training_library(folder):
    """A fresh process loads, decides and explains; pandas, sklearn and xgboost stay out."""
    application = {name: values[0] for name, values in history().items()}
    public = KEY.public_key().public_bytes_raw().hex()
    code = f"""
import sys, datetime, pathlib
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from credit.engine.artefact import load
from credit.engine.decision import Engine
from credit.policy.choice import policy_for
key = Ed25519PublicKey.from_public_bytes(bytes.fromhex({public!r}))
artefact = load(pathlib.Path({str(folder)!r}), [key])
on = datetime.date(2025, 6, 30)
Engine(artefact, policy_for("jinan", None, on)).decide({application!r}, on)
heavy = {{"pandas", "sklearn", "xgboost", "scipy", "pickle5", "joblib", "pyarrow"}}
print(sorted(heavy & set(sys.modules)))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_provenance_tells_where_a_model_came_from():
    training = jinan_contents()["champion"]["training"]
    assert training["through"] == 2023
    assert training["data_sha256"] == "0" * 64
    assert len(training["code_sha256"]) == 64
    assert training["command"].startswith("quancheng credit train --spec jinan")
    assert set(training["versions"]) == {"python", "numpy", "scikit-learn", "xgboost"}


def test_key_files(tmp_path):
    path = tmp_path / "keys" / MODEL_KEY_FILE
    ensure_sandbox_keys(path.parent)
    key = read_private_key(path)
    trusted = read_trusted_key(path)
    assert trusted.public_bytes_raw() == key.public_key().public_bytes_raw()
    path.with_name("junk.pem").write_text("junk")
    with pytest.raises(ArtefactError):
        read_private_key(path.with_name("junk.pem"))


def test_the_content_is_json_without_surprises(folder):
    content = orjson.loads((folder / MODEL_FILE).read_bytes())
    assert canonical(content) == (folder / MODEL_FILE).read_bytes()
