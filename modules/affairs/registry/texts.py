"""The words of the registry."""

REGISTRY = "政务服务事项库 / the registry of government items"
