"""A cached `merged_vary`, because an application merges the same few Vary values repeatedly."""

from __future__ import annotations

from functools import lru_cache

from ..._engine import headers

# Enough for all combinations of Vary names that views and middlewares add.
VARY_KEPT = 256

merged_vary = lru_cache(VARY_KEPT)(headers.merged_vary)
