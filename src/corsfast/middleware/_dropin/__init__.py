"""The parts that drop-in replacements of several frameworks share."""
