"""`merged_vary` with a memory: an application has few values of Vary, merged over and over.

Place in the flow: left of the drop-ins that write Vary themselves.
Never: keep more than `VARY_KEPT` of them; beyond that they are merged again.
"""

from __future__ import annotations

from functools import lru_cache

from ..._engine import headers

# One for each combination of what views and middlewares look at.
VARY_KEPT = 256

merged_vary = lru_cache(VARY_KEPT)(headers.merged_vary)
