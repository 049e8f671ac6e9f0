"""Service 23: reports of laboratory and imaging, from every connected hospital."""
