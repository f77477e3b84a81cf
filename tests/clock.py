"""The clock of tests that compare times with each other.

It is this thread's own where that is fine enough: what others do on the machine meanwhile, such
as another check of `.ci/run`, is no time of ours. Windows counts its own in ticks of 16 ms.
"""

from __future__ import annotations

import time

FINE = 1e-6  # seconds; what is compared takes a thousand times as long

now = (
    time.thread_time if time.get_clock_info("thread_time").resolution <= FINE else time.perf_counter
)
