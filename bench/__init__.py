"""Side-by-side measurements, peers included."""
