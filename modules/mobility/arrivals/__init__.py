"""Service 8, bus-realtime: when buses and trains come, and how sure that is."""
