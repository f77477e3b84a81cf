"""What an installed wheel has to be able to do with nothing else around it."""

import sys

import corsfast

policy = corsfast.Policy(allow_origins=["https://app.example.com"])
assert sys.argv[1] == corsfast.IMPLEMENTATION, corsfast.IMPLEMENTATION
assert policy.actual("https://app.example.com").allowed
assert not policy.actual("https://evil.example").allowed
assert policy.preflight("https://app.example.com", "GET", None).allowed
