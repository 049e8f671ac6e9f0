"""Systems in the place of an App's: written fakes by operation, and real ones at an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from core.upstream.operation import Operation, System, Upstreams


@dataclass(frozen=True)
class Connected:
    """What operations need of an App, and no more."""

    upstreams: Upstreams


def by_operation(fake: object, *systems: System) -> Mapping[Operation[..., Any], Any]:
    """The methods of a written fake, each in the place of the operation of its name.

    They take the arguments of the operations, by the same names.
    """
    fakes = {
        operation: getattr(fake, operation.name)
        for system in systems
        for operation in system.operations.values()
        if hasattr(fake, operation.name)
    }
    assert fakes, f"{fake} answers nothing"
    for operation, method in fakes.items():
        assert [*signature(method).parameters] == [*signature(operation.make).parameters], operation
    return fakes


def in_place_of(system: System, fake: object) -> Connected:
    """A system played by a fake alone."""
    return Connected(Upstreams(HttpClient(Metrics()), [system], {}, by_operation(fake, system)))


def over_http(http: HttpClient, base: str, *systems: System) -> Connected:
    """Systems that are asked over HTTP, each below a base address as in the development city."""
    addresses = {system.name: f"{base}/{system.name.replace('_', '-')}" for system in systems}
    return Connected(Upstreams(http, systems, addresses))


def fake_of(fakes: Mapping[Any, Any]) -> Any:
    """The written fake whose methods `by_operation` gave."""
    return next(iter(fakes.values())).__self__
