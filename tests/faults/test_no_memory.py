"""Each allocation of the interpreter fails once: the result is a MemoryError or the right answer.

csrc/ does not use the interpreter's allocator. tests/c/test_policy.c makes its allocations fail.
"""

from __future__ import annotations

import gc
import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.engines import HAS_GIL, PURE_ONLY
from support.processes import run_file
from support.public_calls import OPTIONS, calls

# Calls that run no Python code.
NATIVE = ("actual", "preflight", "asgi", "wsgi", "apply_asgi", "apply_wsgi")


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except TypeError as error:
        return str(error)
    except SystemError as error:
        # CPython 3.11 loses the MemoryError if it cannot allocate another exception's message.
        if "without exception set" in str(error):
            raise MemoryError from None
        raise
    except RuntimeError as error:
        if str(error) == "can't allocate lock":  # of `threading.Lock`
            raise MemoryError from None
        raise


def sweep(call: Callable[[], Any], right: Any, native_only: bool) -> tuple[int, int]:
    """Let the n-th allocation fail, then also all that follow. Return failures and attempts.

    Not all that follow in Python code, because CPython 3.11 then enters an `except` forever.
    """
    from _testcapi import remove_mem_hooks, set_nomemory

    failed = attempts = 0
    for and_all_later in (False, True)[: 1 + native_only]:
        n = in_a_row = 0
        # Most calls make few allocations, and proofs a million. An answer can be right in spite
        # of a failed one.
        while in_a_row < 10:
            n += 1 if native_only or n < 5 else n // 2
            attempts += 1
            set_nomemory(n, 0 if and_all_later else n + 1)
            try:
                result = outcome(call)
            except MemoryError:
                result = MemoryError
            finally:
                remove_mem_hooks()
            in_a_row = 0 if result is MemoryError else in_a_row + 1
            failed += result is MemoryError
            assert result in (MemoryError, right), (n, result, right)
    return failed, attempts


def run() -> None:
    from corsfast._engine import native, tables

    warnings.simplefilter("ignore")
    policy = native.Policy(**OPTIONS)
    for name, call in calls(policy, tables.compile_options(**policy.options())):
        right = outcome(call)
        grown = []
        native_only = name.split()[0] in NATIVE
        if not native_only and sys.version_info[:2] in ((3, 12), (3, 13)):
            continue  # these interpreters crash when an allocation fails in Python code
        for _ in range(3 if native_only else 1):
            gc.collect()
            before = sys.getallocatedblocks()
            failed, attempts = sweep(call, right, native_only)
            gc.collect()
            grown.append(sys.getallocatedblocks() - before)
        assert outcome(call) == right, name
        print(f"{name}: {failed} of {attempts} calls failed, {grown[-1]} blocks more", flush=True)
        # The interpreter itself loses memory in comprehensions, so Python code is not counted.
        if native_only:
            assert grown[-1] < 8, f"{name} leaks: {grown}"


@pytest.mark.skipif(
    importlib.util.find_spec("_testcapi") is None, reason="this interpreter has no _testcapi"
)
@pytest.mark.skipif(PURE_ONLY, reason="the error paths of the pure engine are the interpreter's")
@pytest.mark.skipif(not HAS_GIL, reason="PyList_New of CPython 3.13 crashes without the GIL")
def test_no_allocation_that_fails_gives_a_wrong_answer() -> None:
    run_file(__file__)


if __name__ == "__main__":
    run()
