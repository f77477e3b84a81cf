"""The commands of `python -m corsfast`."""
