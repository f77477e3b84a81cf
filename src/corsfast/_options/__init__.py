"""Read the options of a policy: facts of Fetch, limits, origins, patterns, and what they mean."""
