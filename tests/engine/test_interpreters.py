"""Several interpreters in one process: one has the native engine, the others fall back to pure.

Each test is a process. It prepares interpreters, runs code in them, and prints what they say.
"""

from __future__ import annotations

import sys

import pytest
from support.engines import PURE_ONLY
from support.processes import run

pytestmark = [
    pytest.mark.skipif(PURE_ONLY, reason="CORSFAST_IMPLEMENTATION=pure: none may have been built"),
    pytest.mark.skipif(sys.implementation.name != "cpython", reason="CPython's own interpreters"),
]

# 3.13 gave the module its final name. `own_gil` has no effect before 3.12.
PREPARE = """
import pickle, sys, warnings
OWN_GIL = {own_gil}
if sys.version_info >= (3, 13):
    import _interpreters
    create = lambda: _interpreters.create("isolated" if OWN_GIL else "legacy")
else:
    import _xxsubinterpreters as _interpreters
    create = lambda: _interpreters.create(isolated=OWN_GIL)

def execute(interpreter, code):
    failure = _interpreters.run_string(interpreter, code)
    if failure:  # older versions raise
        raise RuntimeError(failure.formatted)
"""

# Exceptions must not cross interpreters, and output must not stay in a buffer.
USE = """
import sys, warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    import corsfast
kinds = [(w.category.__name__, "%{GLOBAL}" in str(w.message)) for w in seen]
policy = corsfast.Policy(allow_origins=["https://app.example.com", "https://*.example.org"])
answers = [policy.actual(f"https://{host}").allowed
           for host in ("app.example.com", "a.example.org", "evil.example")]
print(corsfast.IMPLEMENTATION, answers, kinds, flush=True)
"""
NATIVE = "native [True, True, False] []"
PURE = "pure [True, True, False] [('CorsfastPerformanceWarning', True)]"

own_gil = pytest.mark.parametrize("own_gil", [False, True], ids=["shared-gil", "own-gil"])


def said(code: str, own_gil: bool, **variables: str) -> list[str]:
    """Return the lines that a process prints, which must end well and print no errors."""
    done = run(PREPARE.format(own_gil=own_gil) + f"USE = {USE!r}\n" + code, **variables)
    # Since 3.14 a process warns about interpreters that are alive when it ends.
    errors = [s for s in done.stderr.splitlines() if "remaining subinterpreters" not in s]
    assert (done.returncode, errors) == (0, [])
    return done.stdout.splitlines()


@own_gil
def test_the_second_interpreter_falls_back(own_gil: bool) -> None:
    code = "exec(USE); a = create(); execute(a, USE); execute(create(), USE); execute(a, USE)"
    again = PURE.replace("[('CorsfastPerformanceWarning', True)]", "[]")
    assert said(code, own_gil) == [NATIVE, PURE, PURE, again]


def test_the_first_interpreter_may_be_another_one() -> None:
    code = "a = create(); execute(a, USE); _interpreters.destroy(a); exec(USE)"
    assert said(code, own_gil=False) == [NATIVE, PURE]


@own_gil
@pytest.mark.parametrize(
    "end",
    [
        "_interpreters.destroy(a); del policy; _interpreters.destroy(b)",
        "_interpreters.destroy(b); _interpreters.destroy(a)",
        "del policy; _interpreters.destroy(a); _interpreters.destroy(b)",
    ],
)
def test_interpreters_end_in_any_order(own_gil: bool, end: str) -> None:
    code = f"exec(USE); a = create(); b = create(); execute(a, USE); execute(b, USE); {end}"
    assert said(code, own_gil) == [NATIVE, PURE, PURE]


@own_gil
def test_others_are_alive_when_the_main_one_ends(own_gil: bool) -> None:
    code = "exec(USE); a = create(); execute(a, USE)"
    done = run(PREPARE.format(own_gil=own_gil) + f"USE = {USE!r}\n" + code)
    assert (done.returncode, done.stdout.splitlines()) == (0, [NATIVE, PURE])


@own_gil
def test_a_policy_passes_to_the_other_engine(own_gil: bool) -> None:
    code = """
exec(USE)
a = create()
execute(a, USE + f"import pickle; policy = pickle.loads({pickle.dumps(policy)!r})\\n"
                  "print(type(policy).__module__, policy.actual('https://a.example.org').allowed,"
                  " flush=True)")
"""
    assert said(code, own_gil)[-1] == "corsfast._engine.pure True"


@own_gil
@pytest.mark.parametrize("variable", ["CORSFAST_IMPLEMENTATION", "CORSFAST_REQUIRE_NATIVE"])
def test_a_required_engine_is_an_error_there(own_gil: bool, variable: str) -> None:
    code = """
exec(USE)
execute(create(), "try: import corsfast\\nexcept ImportError as e: print('no', flush=True)")
"""
    value = "native" if variable == "CORSFAST_IMPLEMENTATION" else "1"
    assert said(code, own_gil, **{variable: value}) == [NATIVE, "no"]


@own_gil
def test_pure_is_selected_without_a_warning(own_gil: bool) -> None:
    code = "exec(USE); execute(create(), USE)"
    expected = PURE.replace("[('CorsfastPerformanceWarning', True)]", "[]")
    assert said(code, own_gil, CORSFAST_IMPLEMENTATION="pure") == [expected, expected]
