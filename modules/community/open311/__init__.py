"""Open311 GeoReport v2: how other systems list, file and follow snap reports."""
