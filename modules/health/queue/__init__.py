"""Service 31: where one stands in the queues of the hospitals."""
