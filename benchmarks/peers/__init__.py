"""The parts of compare.py: CORS libraries of other languages on the same requests."""
