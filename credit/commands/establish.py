"""A fresh sandbox's champion: trained on simulated loans, validated by its report, put in force
under the city's policies by four demo officers, all through the registry as anybody else would.

Made in a folder beside and renamed at the end: the credit folder is there whole or not at all.
Production is never seeded.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from rich.console import Console

from core.clock import civil_date
from core.context.app import App
from core.context.contributions import Seed
from credit.registry.evidence import Floors, read_evidence
from credit.registry.officers import Actor, Duty, Officer, entry_of
from credit.registry.registry import State
from credit.registry.store import Home
from credit.storage.files import written_whole
from credit.storage.seals import public_hex

POLICIES = "credit"
"""The folder of the city's policies, beside its other files."""
LOANS = 5_000
"""Simulated loans to train and validate on: enough for the floors, done in seconds."""
LAST_YEAR = 2023
"""The training window's; later years are the report's."""
SEED_NUMBER = 20260101
_DUTIES = (Duty.AUTHOR, Duty.VALIDATOR, Duty.PROPOSER, Duty.APPROVER, Duty.RISK)


@dataclass(frozen=True)
class Plan:
    """Where to, by which key, under which policies, when."""

    folder: Path
    key: Ed25519PrivateKey
    policies: Sequence[Path]
    at: datetime


async def seed(app: App) -> None:
    """Put a champion in force where there is no credit folder yet. Repeat-safe."""
    key = load_pem_private_key(app.keys.model_signing, None)
    assert isinstance(key, Ed25519PrivateKey)
    policies = sorted((app.settings.city_file.with_suffix("") / POLICIES).glob("*.toml"))
    folder = app.settings.data_dir / "credit"
    if not app.settings.is_production and policies:
        establish(Plan(folder, key, policies, app.clock.now()), Console(quiet=True))


def establish(plan: Plan, console: Console) -> bool:
    """Train, validate and put in force; False, and nothing done, where the folder is there.

    Raises CreditError.
    """
    if plan.folder.exists():
        return False
    making = plan.folder.with_name(plan.folder.name + ".new")
    shutil.rmtree(making, ignore_errors=True)
    home = Home(making, [plan.key.public_key()])
    actors = _enrol(home)
    _put_policies(home, actors, plan)
    _put_champion(home, actors, plan, console)
    making.rename(plan.folder)
    return True


def _enrol(home: Home) -> Mapping[Duty, Actor]:
    """One demo officer for each duty; a developer acts as one with the key in `keys/`."""
    actors, lines = {}, ""
    for duty in _DUTIES:
        key = Ed25519PrivateKey.generate()
        officer = Officer(
            f"demo-{duty}", f"demo {duty}", frozenset({duty}), public_hex(key.public_key())
        )
        actors[duty], lines = Actor(officer, key), lines + entry_of(officer)
        path = home.folder / "keys" / f"{officer.id}.pem"
        with written_whole(path) as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with written_whole(home.officers_file) as file:
        file.write(lines.encode())
    return actors


def _put_policies(home: Home, actors: Mapping[Duty, Actor], plan: Plan) -> None:
    for path in plan.policies:
        policy = home.keep_policy(path)
        proposal = home.registry.propose_policy(
            policy.hash, policy.id, actors[Duty.PROPOSER], plan.at
        )
        home.registry.approve_policy(proposal, actors[Duty.APPROVER], plan.at)


def _put_champion(home: Home, actors: Mapping[Duty, Actor], plan: Plan, console: Console) -> None:
    # these load numerical libraries that no other command needs at its start
    from credit.training.runs.evaluate import EvaluationRun, evaluate_file
    from credit.training.runs.simulate import simulate_files
    from credit.training.runs.train import TrainingRun, train_file

    today, work = civil_date(plan.at), home.folder / "work"
    simulate_files(work, SEED_NUMBER, console, loans=LOANS)
    data, trained = work / "jinan_loans.csv", work / "trained"
    run = TrainingRun(
        spec="jinan", data=data, out=trained, through=LAST_YEAR, seed=0, also=(),
        accepted=frozenset(), base_rate=None, rejects=None, threads=1, today=today,
    )  # fmt: skip
    train_file(run, plan.key, console)
    model = home.keep_model(trained)
    report = home.folder / "reports" / f"{model.hash}.json"
    evaluation = EvaluationRun(data, report.with_suffix(".html"), report, None, False, today)
    evaluate_file(model, evaluation, plan.key, console)
    registry = home.registry
    registry.register(model.hash, model.spec, actors[Duty.AUTHOR], plan.at)
    evidence = read_evidence(report, model.hash, home.trusted, Floors())
    registry.validate(model.hash, evidence, actors[Duty.VALIDATOR], plan.at)
    if evidence.findings:
        reason = "simulated data, a sandbox that decides on nobody"
        registry.waive(model.hash, evidence.findings, reason, actors[Duty.RISK], plan.at)
    proposal = registry.propose(model.hash, State.CHAMPION, actors[Duty.PROPOSER], plan.at)
    registry.approve(model.hash, proposal, actors[Duty.APPROVER], plan.at)
    shutil.rmtree(work)


SEED = Seed(seed)
