"""The limits of corsfast, each with its reason.

Input is checked against a limit before any loop runs over it. csrc/corsfast.h repeats the numbers
for C, and tests/options/test_limits.py checks that they are equal. Facts of standards are in
fetch.py.
"""

from __future__ import annotations

# An origin is scheme "://" host [":" port].
MAX_SCHEME = 64  # jub0bs/cors' cap; the longest registered scheme has 36 bytes
MAX_LABEL = 63  # RFC 1035, section 2.3.4
MAX_HOST = 253  # RFC 1035's 255 octets on the wire, as text with dots
MAX_PORT = 65535
MAX_ORIGIN = MAX_SCHEME + len("://") + MAX_HOST + len(":65535")  # 326

# Access-Control-Request-Method: the longest registered method has 17 bytes.
MAX_METHOD = 64

# Access-Control-Request-Headers, all its lines together, joined by commas. Common servers
# reject header fields of more than 8 KiB.
MAX_HEADER_LIST = 8192
# One name in it. The longest registered field name has 41 bytes.
MAX_HEADER_NAME = 128
# RFC 9110, section 5.6.1.2: "a reasonable number of empty list elements".
MAX_EMPTY_ELEMENTS = 16
# Spaces and tabs around one element. Browsers send none, intermediaries one or two.
MAX_ELEMENT_OWS = 16

# Access-Control-Max-Age, in seconds. The cap of Firefox is the highest of all browsers.
MAX_MAX_AGE = 86_400

# The pure engine prebuilds the decisions of up to this many exact origins. It assembles the
# others on request.
MAX_PREBUILT_ORIGINS = 1024

# States of the automaton of a policy's globs and regexes, and of each intermediate automaton. A
# real-world origin regex has 25 states (median; the largest of 265 had 89). A table of this many
# states takes less than 1 MiB, and building it takes less than a second.
MAX_AUTOMATON_STATES = 4096
# Steps to build an automaton: about one second. The largest of 265 real-world regexes takes
# fewer than 50 000.
MAX_AUTOMATON_STEPS = 8_000_000

# Characters of one entry of ``allow_origins``; a set of a thousand port ranges has 9000.
MAX_PATTERN = 16_384
# Characters of a regex, or of a string that is not a pattern. The longest of 132 real-world regexes
# has 155; a list of 200 names has 3000. One of this many takes up to 100 ms to prove, or to refuse.
MAX_REGEX = 3072
# Steps to build the automaton of one entry, and to prove it: 70 ms. The largest of 265 real-world
# regexes that can be proven takes 180,000. A list of 180 random names of 13 letters takes 180,000,
# and 190 of them do not fit; numbered names take a third.
MAX_PATTERN_STEPS = 240_000
# The same with the search for corrections, each of which is proven: 85 ms. Beyond it, a problem is
# reported without a correction.
MAX_DIAGNOSIS_STEPS = 285_000
# Globs, networks and regexes of a policy. A regex takes about 3 ms to prove. More are rarely one
# automaton, and those that are left to `re` cost a microsecond each per request. A thousand globs
# that differ in a random name of 8 letters just fit.
MAX_PATTERNS = 1000
# Steps to prove all patterns of a policy and to build their automaton: two to six seconds. A
# thousand networks take 1 million, and a thousand globs that differ in names 1 to 6 million. A
# thousand globs with plain http and credentials take more, because each needs an example.
MAX_POLICY_STEPS = 10_000_000

# Entries of ``allow_origins`` that are not valid, of which each is explained and corrected, and
# problems with the same code; the others are counted. Explaining takes up to a millisecond, and
# correcting some tens of them.
MAX_EXPLAINED = 100

# Steps of `re` for one origin, in a regex that is left to it: about 10 ms. A regex for which more
# cannot be excluded is refused.
MAX_BACKTRACKING = 250_000
# Steps to prove that: about 35 ms.
MAX_BACKTRACKING_STEPS = 150_000

# Size of a policy file in bytes. A million origins take half of it.
MAX_POLICY_FILE = 64 * 2**20
# Parts of a dotted key in a TOML file. `tomllib` takes the square of their number in time and
# memory: 400 MB for 10,000.
MAX_KEY_PARTS = 100

# Characters of a path that is percent-decoded to choose rules by path. Decoding 64 KiB of `%`, the
# most that common servers take, would cost 30 ms. A longer path gets no CORS headers, unless it
# need not be decoded.
MAX_ENCODED_PATH = 4096

# Threads in which a resolver's plain function runs for one event loop. An attacker who sends
# many different origins keeps them busy, but neither the application's threads nor more of them.
MAX_RESOLVER_THREADS = 8
