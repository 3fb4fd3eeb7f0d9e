"""The grid: frequency after an imbalance, what holds it, and profiles of power and frequency over time."""
