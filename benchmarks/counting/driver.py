"""Run every case inside of valgrind, at two numbers of calls, between two marks.

    python driver.py MARKS [WORD]      prints "case|case to subtract", one a line

The difference of the two profiles is the cost of the additional calls alone.

The driver repeats everything with several sets of policies at different memory addresses, because
comparing bytes takes a few more instructions near the end of a page. Each case has its own loop
with its own code object, because the interpreter specializes a loop's instructions. Each case has
fresh inputs, and its answer is checked first. Random values are fixed, because other seeds of the
hash tables would choose other pilots and slots.
"""

from __future__ import annotations

import gc
import importlib
import os
import random
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice, permutations
from pathlib import Path
from typing import Any, NamedTuple

os.urandom = lambda size, /: bytes(range(1, size + 1))  # before the engine takes its seed

from corsfast._engine import native  # noqa: E402
from corsfast.bench.cases import (  # noqa: E402
    APP,
    ASK_HEADERS,
    ASK_METHOD,
    OPTIONS,
    REQUEST,
    Inputs,
    environs,
    fresh,
    merges,
    scopes,
    texts,
)
from corsfast.bench.libraries import asgi, wsgi  # noqa: E402
from corsfast.bench.measure import make_loop, step  # noqa: E402
from corsfast.middleware.asgi import CORSMiddleware as Asgi  # noqa: E402
from corsfast.middleware.starlette import CORSMiddleware as DropIn  # noqa: E402
from corsfast.middleware.wsgi import CORSMiddleware as Wsgi  # noqa: E402

# The two numbers of calls, and the number of calls before them, so that the interpreter settles.
FEW, MANY, WARM_UP = 50, 150, 300
LAYOUTS = 3

PLAIN = tuple(field for field in REQUEST if field[0] != "origin")
ASK = (*REQUEST[:8], ASK_METHOD, ASK_HEADERS, *REQUEST[8:12])
NAMES = sorted(name.lower() for name in OPTIONS["allow_headers"])


# The loops: the names of the inputs, the statement that calls, and the statement of an empty loop.
LOOPS = {
    "1 argument": ("(a,)", "call(a)", "a"),
    "2 arguments": ("a, b", "call(a, b)", "a; b"),
    "3 arguments": ("a, b, c", "call(a, b, c)", "a; b; c"),
    "asgi": ("(scope,)", "await call(scope, receive, send)", "scope, receive, send"),
    "wsgi": ("(environ,)", "call(environ, start_response)", "environ"),
}


class Case(NamedTuple):
    """One counted case: a loop that calls `call` with each of the inputs, or that only reads them.

    `less` names the case whose count is subtracted: an empty loop, or a bare stub.
    """

    name: str
    loop: str
    call: Callable[..., Any] | None
    inputs: Callable[[int], Inputs]
    less: str


# -- applications that write a Vary, as many frameworks do after reading the request ----------


async def varying_stub(_scope: Any, _receive: Any, send: Callable[..., Awaitable[None]]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"vary", b"Accept-Encoding")],
        }
    )
    await send({"type": "http.response.body", "body": b"{}"})


def start_response(_status: str, _headers: Any, _exc_info: Any = None) -> None:
    pass


def varying_wsgi_stub(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Vary", "Cookie")])
    return [b"{}"]


# -- cases -----------------------------------------------------------------------------------


def cases() -> Iterator[Case]:
    """Yield every case; a case comes after the one that it subtracts."""
    policy = native.Policy(**OPTIONS)
    for loop, names in (("1 argument", 1), ("2 arguments", 2), ("3 arguments", 3), ("asgi", 1)):
        yield Case(f"loop: {loop}", loop, None, texts(*[APP] * names), "")
    yield Case("floor: len(x)", "1 argument", len, texts(APP), "loop: 1 argument")
    yield from policy_cases(policy)
    yield from merge_cases(policy)
    yield from hostile_cases(policy)
    yield from middleware_cases(policy)


def policy_cases(policy: native.Policy) -> Iterator[Case]:
    regex = native.Policy(
        **{**OPTIONS, "allow_origins": [re.compile(r"https://shop-\d+\.example\.com")]}
    )
    glob = native.Policy(**{**OPTIONS, "allow_origins": ["https://pr-*.example.com"]})
    yield checked("actual: no origin", policy.actual, texts(None), "no-origin")
    yield checked("actual: exact", policy.actual, texts(APP), "allowed")
    for name, of, given, outcome in (
        ("subdomain", policy, "https://a.b{}.example.org", "allowed"),
        ("any port", policy, "http://localhost:{}", "allowed"),
        ("regex", regex, "https://shop-{}.example.com", "allowed"),
        ("glob", glob, "https://pr-{}.example.com", "allowed"),
        ("refused", policy, "https://app.example.com.attacker-{}.net", "origin-not-allowed"),
    ):
        yield checked(f"actual: {name}, again", of.actual, texts(given.format(17000)), outcome)
        yield checked(f"actual: {name}, new", of.actual, new_origins(given), outcome)
    allows = policy.allows_origin
    yield Case("allows_origin: exact", "1 argument", allows, texts(APP), "loop: 1 argument")
    for name, makes in (
        ("no headers", texts(APP, "PUT", None)),
        ("3 headers, seen before", texts(APP, "PUT", ASK_HEADERS[1])),
        ("10 headers, seen before", texts(APP, "PUT", ",".join(NAMES))),
        ("3 headers, a new list", new_lists(3)),
        ("10 headers, a new list", new_lists(10)),
    ):
        yield checked(f"preflight: {name}", policy.preflight, makes, "allowed")
    for name, makes, outcome in (
        ("no origin", scopes("GET", *PLAIN), "no-origin"),
        ("14 headers", scopes("GET", *REQUEST), "allowed"),
        ("preflight", scopes("OPTIONS", *ASK), "allowed"),
    ):
        yield checked(f"asgi: {name}", policy.asgi, makes, outcome)
    for name, makes, outcome in (
        ("no origin", environs("GET", *PLAIN), "no-origin"),
        ("14 headers", environs("GET", *REQUEST), "allowed"),
        ("preflight", environs("OPTIONS", *ASK), "allowed"),
    ):
        yield checked(f"wsgi: {name}", policy.wsgi, makes, outcome)


def merge_cases(policy: native.Policy) -> Iterator[Case]:
    for case in merges():
        if wrong := case.wrong(policy):
            raise AssertionError(f"{case.name}: {wrong}")
        call = getattr(policy, case.call)
        yield Case(case.name, "2 arguments", call, case.given(policy), "loop: 2 arguments")


def hostile_cases(policy: native.Policy) -> Iterator[Case]:
    longest = "https://" + "a." * 121 + "example.org"  # a host of 253 bytes
    names = ",".join([NAMES[0]] * 700)[: 8 * 1024].rpartition(",")[0]
    for name, given, outcome in (
        ("8 KiB origin", "https://" + "a." * 4092 + "example.org", "origin-too-long"),
        ("an origin of 253 dots", "https://" + "." * 253, "origin-malformed"),
        ("the longest subdomain", longest, "allowed"),
    ):
        yield checked(f"hostile: {name}", policy.actual, texts(given), outcome)
    for name, asked, outcome in (
        ("1 MiB of commas", "," * 2**20, "header-list-too-long"),
        ("8 KiB of one name", names, "allowed"),
    ):
        yield checked(
            f"hostile: {name}",
            policy.preflight,
            lambda n, asked=asked: [(fresh(APP), "PUT", asked)] * n,
            outcome,
        )


def checked(
    name: str, call: Callable[..., Any], inputs: Callable[[int], Inputs], outcome: str
) -> Case:
    """Return a case of one call, after checking its answer."""
    given = inputs(1)[0]
    found = call(*given).outcome.value
    if found != outcome:
        raise AssertionError(f"{name}: {found}, not {outcome}")
    loop = "1 argument" if len(given) == 1 else "3 arguments"
    return Case(name, loop, call, inputs, f"loop: {loop}")


def new_origins(pattern: str) -> Callable[[int], Inputs]:
    """Return inputs of new origins, all of the same length."""
    unseen = iter(range(20_000, 65_000))
    return lambda n: [(pattern.format(next(unseen)),) for _ in range(n)]


def new_lists(size: int) -> Callable[[int], Inputs]:
    """Return preflights with new lists of `size` names (720 lists at most)."""
    orders = list(islice(permutations(NAMES, size), 720))
    random.Random(1).shuffle(orders)
    unseen = iter(orders)
    return lambda n: [(fresh(APP), "PUT", fresh(",".join(next(unseen)))) for _ in range(n)]


def middleware_cases(policy: native.Policy) -> Iterator[Case]:
    for kind, stub, varying, wrap, inputs, less in (
        ("ASGI", asgi.stub, varying_stub, Asgi, scopes, "loop: asgi"),
        ("WSGI", wsgi.stub, varying_wsgi_stub, Wsgi, environs, "loop: 1 argument"),
    ):
        loop, name = kind.lower(), f"{kind} middleware"
        bare, bare_varying = f"bare: {kind} stub", f"bare: varying {kind} stub"
        plain, actual = inputs("GET", *PLAIN), inputs("GET", *REQUEST)
        preflight = inputs("OPTIONS", *ASK)
        middleware, over_varying = wrap(stub, policy), wrap(varying, policy)
        yield Case(bare, loop, stub, plain, less)
        yield Case(f"{name}: no origin", loop, middleware, plain, bare)
        yield Case(f"{name}: allowed", loop, middleware, actual, bare)
        yield Case(bare_varying, loop, varying, actual, less)
        yield Case(f"{name}: allowed, beside a Vary", loop, over_varying, actual, bare_varying)
        yield Case(f"{name}: preflight, total", loop, middleware, preflight, less)
    drop_in = DropIn(asgi.stub, **{**OPTIONS, "allow_origins": [APP]})
    asks = scopes("OPTIONS", *ASK)
    yield Case("Starlette drop-in: preflight, total", "asgi", drop_in, asks, "loop: asgi")


# -- counting --------------------------------------------------------------------------------


def count(case: Case, layout: int, marks: Any) -> None:
    names, call, empty = LOOPS[case.loop]
    loop = make_loop(
        names,
        call if case.call else empty,
        awaited=case.loop == "asgi",
        receive=asgi.receive,
        send=asgi.send,
        start_response=start_response,
    )

    def run(inputs: Inputs) -> None:
        result = loop(case.call, inputs)
        if case.loop == "asgi":
            step(result)

    random.seed(1)
    for _ in range(WARM_UP // MANY):
        run(case.inputs(MANY))
    for calls in (FEW, MANY):
        inputs = case.inputs(calls)
        marks.begin()
        run(inputs)
        marks.end(f"{case.name}|{layout}|{calls}")


def main(library: str, word: str = "") -> None:
    sys.path.insert(0, str(Path(library).parent))
    marks = importlib.import_module("marks")
    layouts, ballast = [], []
    for layout in range(LAYOUTS):
        layouts.append({case.name: case for case in cases()})
        ballast.append(bytearray(1000 + 700 * layout))
    every = layouts[0]
    wanted = [name for name in every if word in name and not name.startswith("loop")]
    # Subtracted cases have to be counted as well, and so do the cases that those subtract.
    needed = set(wanted)
    for name in reversed(every):
        if name in needed and every[name].less:
            needed.add(every[name].less)
    gc.collect()
    gc.disable()
    marks.start()  # not earlier, because start-up is most of this run and is not counted
    for name in every:
        if name in needed:
            for layout, named in enumerate(layouts):
                count(named[name], layout, marks)
            print(name, every[name].less, sep="|")


if __name__ == "__main__":
    main(*sys.argv[1:])
