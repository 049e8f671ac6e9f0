"""The addresses of the API."""

from collections import Counter

from starlette.routing import Route

from bff.app import routes
from bff.transports.endpoint import Edge


def test_no_address_is_served_twice(edge: Edge) -> None:
    """The second would never be asked, and the first may say something else (max-age, a form)."""
    served = Counter(
        (route.path, method)
        for route in routes(edge)
        if isinstance(route, Route)
        for method in route.methods or ()
    )
    assert len(served) > 50
    assert [place for place, times in served.items() if times > 1] == []
