"""Parse and validate the options of a policy."""
