"""Check that an installed wheel works without the source tree."""

import sys

import corsfast

policy = corsfast.Policy(allow_origins=["https://app.example.com"])
assert sys.argv[1] == corsfast.IMPLEMENTATION, corsfast.IMPLEMENTATION
assert policy.actual("https://app.example.com").allowed
assert not policy.actual("https://evil.example").allowed
assert policy.preflight("https://app.example.com", "GET", None).allowed
