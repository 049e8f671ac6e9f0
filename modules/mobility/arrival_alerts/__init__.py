"""Service 10, bus-arrival-alert: be rung once when a bus is near, never for one that is not."""
