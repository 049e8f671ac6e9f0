"""The manifest of mobility."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="mobility",
    rooms=(
        "parking",
        "fines",
        "transit",
        "models",
        "messages",
        "jobs",
    ),
    upstreams=(
        UpstreamBinding(
            "parking",
            protocol="modules.mobility.parking.upstream:Parking",
            factory="modules.mobility.parking.upstream:ParkingClient",
        ),
        UpstreamBinding(
            "vehicles",
            protocol="modules.mobility.parking.upstream:VehicleRegistry",
            factory="modules.mobility.parking.upstream:VehicleRegistryClient",
            personal=("verify",),
        ),
        UpstreamBinding(
            "traffic_police",
            protocol="modules.mobility.fines.upstream:TrafficPolice",
            factory="modules.mobility.fines.upstream:TrafficPoliceClient",
            personal=("list_violations", "accept"),
        ),
        UpstreamBinding(
            "fines",
            protocol="modules.mobility.fines.upstream:FinesPlatform",
            factory="modules.mobility.fines.upstream:FinesPlatformClient",
        ),
        UpstreamBinding(
            "fare",
            protocol="modules.mobility.transit.upstream:Fare",
            factory="modules.mobility.transit.upstream:FareClient",
            personal=("list_trips",),
        ),
    ),
    migrations="migrations",
)
