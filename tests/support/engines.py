"""The engines that the tests run on."""

from __future__ import annotations

import os
import sys

CHOSEN = os.environ.get("CORSFAST_IMPLEMENTATION")
PURE_ONLY = CHOSEN == "pure"
ENGINES = [CHOSEN] if CHOSEN in ("pure", "native") else ["pure", "native"]
HAS_GIL = "free-threading" not in sys.version
