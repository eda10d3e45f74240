"""The benchmark: distilled students against tuned direct fits of equal size, on real data."""
