"""Every limit of corsfast, named, with its reason.

Hostile input meets one of these before it meets a loop. csrc/corsfast.h repeats the numbers
for C; tests/test_limits.py holds the two together.

Place in the flow: imported by everyone, imports nothing.
Never: hold a fact of a standard (see fetch.py).
"""

from __future__ import annotations

# An origin is scheme "://" host [":" port].
MAX_SCHEME = 64  # jub0bs/cors' cap; the longest registered scheme has 36 bytes
MAX_LABEL = 63  # RFC 1035, section 2.3.4
MAX_HOST = 253  # RFC 1035's 255 octets on the wire, written with dots
MAX_PORT = 65535
MAX_ORIGIN = MAX_SCHEME + len("://") + MAX_HOST + len(":65535")  # 326

# Access-Control-Request-Method: the longest registered method has 17 bytes.
MAX_METHOD = 64

# Access-Control-Request-Headers, all its lines together, joined by commas. Common servers
# refuse header fields beyond 8 KiB.
MAX_HEADER_LIST = 8192
# One name in it. The longest registered field name has 41 bytes.
MAX_HEADER_NAME = 128
# RFC 9110, section 5.6.1.2: "a reasonable number of empty list elements".
MAX_EMPTY_ELEMENTS = 16
# Spaces and tabs around one element: browsers send none, intermediaries one or two.
MAX_ELEMENT_OWS = 16

# Access-Control-Max-Age, in seconds: Firefox's cap is the largest of any browser's.
MAX_MAX_AGE = 86_400

# Up to this many exact origins own prebuilt decisions, in the pure engine; more are assembled
# when asked for.
MAX_PREBUILT_ORIGINS = 1024

# States of the one automaton of a policy's globs and regexes, and of any on the way to it. A
# real-world origin regex has 25 states (median; the largest of 265 had 89), a table of this
# many takes less than 1 MiB, and building it less than a second.
MAX_AUTOMATON_STATES = 4096
# Steps on the way to an automaton: about a second's worth. The largest of 265 real-world
# regexes takes less than 50 000.
MAX_AUTOMATON_STEPS = 8_000_000

# Bytes of a file that holds a policy: a million origins take half of it.
MAX_POLICY_FILE = 64 * 2**20
