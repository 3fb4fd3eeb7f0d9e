"""The vehicle: battery, converter, and both put together."""
