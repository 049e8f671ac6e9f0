"""The installation's credit folder: models and policies by hash, the registry and its officers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from credit.engine.artefact import MODEL_FILE, SEAL_FILE, Artefact, load
from credit.engine.decision import Engine
from credit.log.chain import JsonLinesStore
from credit.policy.files import read_policy
from credit.policy.rules import Policy, policy_on
from credit.registry.officers import read_officers
from credit.registry.registry import Registry, State
from credit.storage.errors import RegistryError
from credit.storage.files import written_whole

REGISTRY_FILE = "registry.jsonl"


def registry_size(folder: Path) -> int:
    """Bytes of a credit folder's registry, which only grows: another size, another state."""
    try:
        return (folder / REGISTRY_FILE).stat().st_size
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class Home:
    """A folder with `registry.jsonl`, `officers.toml`, `models/HASH/` and `policies/HASH.toml`.

    `trusted` are the keys that may have sealed a model.
    """

    folder: Path
    trusted: Sequence[Ed25519PublicKey]

    @cached_property
    def officers_file(self) -> Path:
        """Who may act."""
        return self.folder / "officers.toml"

    @property
    def registry(self) -> Registry:
        """The registry under its present officers."""
        return Registry(
            JsonLinesStore(self.folder / REGISTRY_FILE), read_officers(self.officers_file)
        )

    def keep_model(self, source: Path) -> Artefact:
        """Copy a verified model into the store. Raises ArtefactError."""
        artefact = load(source, self.trusted)
        place = self.folder / "models" / artefact.hash
        for name in (SEAL_FILE, MODEL_FILE):
            with written_whole(place / name) as file:
                file.write((source / name).read_bytes())
        return artefact

    def model(self, digest: str) -> Artefact:
        """A stored model by its hash. Raises RegistryError where it is absent, ArtefactError."""
        place = self.folder / "models" / digest
        if not place.is_dir():
            raise RegistryError(f"model {digest[:12]} is not in the store")
        artefact = load(place, self.trusted)
        if artefact.hash != digest:
            raise RegistryError(f"{place} holds another model, {artefact.hash[:12]}")
        return artefact

    def keep_policy(self, source: Path) -> Policy:
        """Copy a policy into the store, its examples run. Raises PolicyError."""
        policy = read_policy(source)
        with written_whole(self.folder / "policies" / f"{policy.hash}.toml") as file:
            file.write(source.read_bytes())
        return policy

    def policy(self, digest: str) -> Policy:
        """A stored policy by its hash. Raises RegistryError, PolicyError."""
        path = self.folder / "policies" / f"{digest}.toml"
        if not path.is_file():
            raise RegistryError(f"policy {digest[:12]} is not in the store")
        policy = read_policy(path)
        if policy.hash != digest:
            raise RegistryError(f"{path.name} was changed")
        return policy

    def approved_policies(self) -> tuple[Policy, ...]:
        """Every policy that two people approved."""
        standings = self.registry.book().policies.values()
        return tuple(self.policy(p.hash) for p in standings if p.approver is not None)

    def engine(self, bank: str, product: str, on: date) -> Engine:
        """What decides for a bank's product on a day: only what stands.

        Raises RegistryError where there is no approved policy, or no champion that stands.
        """
        policy = policy_on(self.approved_policies(), bank, product, on)
        serving = self.registry.serving(policy.spec, on)
        if not serving[State.CHAMPION]:
            raise RegistryError(
                f"no champion of {policy.spec} stands on {on}{self._why(policy, on)}"
            )
        return Engine(
            self.model(serving[State.CHAMPION][0]),
            policy,
            tuple(self.model(name) for name in serving[State.CHALLENGER]),
            tuple(self.model(name) for name in serving[State.SHADOW]),
        )

    def _why(self, policy: Policy, on: date) -> str:
        for standing in self.registry.book().models.values():
            if standing.spec == policy.spec and standing.state is State.CHAMPION:
                return f": {standing.fault(on)}"
        return ""
