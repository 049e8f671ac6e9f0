"""Streets as OpenStreetMap has them, and how far one walks along them."""
