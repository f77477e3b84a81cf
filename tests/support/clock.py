"""The clock for tests that compare times with each other.

It counts the time of this thread only, if the system's thread clock is fine enough. So other work
on the machine, such as another check of `.ci/run`, does not count. The thread clock of Windows
counts in ticks of 16 ms, which is too coarse. WebAssembly has no thread clock.
"""

from __future__ import annotations

import time

FINE = 1e-6  # seconds; measured times are a thousand times as long

now = time.perf_counter
if hasattr(time, "thread_time") and time.get_clock_info("thread_time").resolution <= FINE:
    now = time.thread_time
