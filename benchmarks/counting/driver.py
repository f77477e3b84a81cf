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
import os
import random
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice, permutations
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

os.urandom = lambda size, /: bytes(range(1, size + 1))  # before the engine takes its seed

sys.path.insert(0, str(Path(__file__).parents[1]))
import extension  # noqa: E402
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
from corsfast.middleware.asgi import CORSMiddleware as Asgi  # noqa: E402
from corsfast.middleware.starlette import CORSMiddleware as DropIn  # noqa: E402
from corsfast.middleware.wsgi import CORSMiddleware as Wsgi  # noqa: E402

# The two numbers of calls, and the number of calls before them, so that the interpreter settles.
FEW, MANY, WARM_UP = 50, 150, 300
LAYOUTS = 3

PLAIN = tuple(field for field in REQUEST if field[0] != "origin")
ASK = (*REQUEST[:8], ASK_METHOD, ASK_HEADERS, *REQUEST[8:12])
NAMES = sorted(name.lower() for name in OPTIONS["allow_headers"])


class Case(NamedTuple):
    """One counted case: `call` with each of the inputs, in the loop `block`.

    `less` names the case whose count is subtracted: an empty loop, or a bare stub.
    """

    name: str
    block: Callable[..., Any]
    call: Callable[..., Any]
    inputs: Callable[[int], Inputs]
    less: str


# -- loops -----------------------------------------------------------------------------------


def empty_1(_: Any, inputs: Any) -> None:
    for (given,) in inputs:
        given  # noqa: B018


def call_1(call: Any, inputs: Any) -> None:
    for (given,) in inputs:
        call(given)


def empty_2(_: Any, inputs: Any) -> None:
    for first, second in inputs:
        first  # noqa: B018
        second  # noqa: B018


def call_2(call: Any, inputs: Any) -> None:
    for first, second in inputs:
        call(first, second)


def empty_3(_: Any, inputs: Any) -> None:
    for first, second, third in inputs:
        first  # noqa: B018
        second  # noqa: B018
        third  # noqa: B018


def call_3(call: Any, inputs: Any) -> None:
    for first, second, third in inputs:
        call(first, second, third)


async def empty_asgi(_app: Any, inputs: Any) -> None:
    for (scope,) in inputs:
        scope, receive, send  # noqa: B018


async def call_asgi(app: Any, inputs: Any) -> None:
    for (scope,) in inputs:
        await app(scope, receive, send)


def call_wsgi(app: Any, inputs: Any) -> None:
    for (environ,) in inputs:
        app(environ, start_response)


# -- minimal servers and applications --------------------------------------------------------


async def receive() -> dict[str, Any]:
    raise AssertionError("the stub reads no body")


async def send(_message: dict[str, Any]) -> None:
    pass


async def stub(_scope: Any, _receive: Any, send: Callable[..., Awaitable[None]]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
        }
    )
    await send({"type": "http.response.body", "body": b"{}"})


async def varying_stub(_scope: Any, _receive: Any, send: Callable[..., Awaitable[None]]) -> None:
    """Respond as many frameworks do after reading the request: with a Vary of their own."""
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


def wsgi_stub(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


def varying_wsgi_stub(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Vary", "Cookie")])
    return [b"{}"]


# -- cases -----------------------------------------------------------------------------------


def cases() -> Iterator[Case]:
    """Yield every case; a case comes after the one that it subtracts."""
    policy = native.Policy(**OPTIONS)
    yield Case("loop: 1 argument", empty_1, len, texts(APP), "")
    yield Case("loop: 2 arguments", empty_2, len, texts(APP, APP), "")
    yield Case("loop: 3 arguments", empty_3, len, texts(APP, APP, APP), "")
    yield Case("loop: asgi", empty_asgi, len, texts(APP), "")
    yield Case("floor: len(x)", call_1, len, texts(APP), "loop: 1 argument")
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
    yield Case("allows_origin: exact", call_1, policy.allows_origin, texts(APP), "loop: 1 argument")
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
        yield Case(case.name, call_2, call, case.given(policy), "loop: 2 arguments")


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
    if len(given) == 3:
        return Case(name, call_3, call, inputs, "loop: 3 arguments")
    return Case(name, call_1, call, inputs, "loop: 1 argument")


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
    asgi, wsgi = Asgi(stub, policy), Wsgi(wsgi_stub, policy)
    plain, actual = scopes("GET", *PLAIN), scopes("GET", *REQUEST)
    yield Case("bare: ASGI stub", call_asgi, stub, plain, "loop: asgi")
    yield Case("ASGI middleware: no origin", call_asgi, asgi, plain, "bare: ASGI stub")
    yield Case("ASGI middleware: allowed", call_asgi, asgi, actual, "bare: ASGI stub")
    varying = Asgi(varying_stub, policy)
    name = "ASGI middleware: allowed, beside a Vary"
    yield Case("bare: varying ASGI stub", call_asgi, varying_stub, actual, "loop: asgi")
    yield Case(name, call_asgi, varying, actual, "bare: varying ASGI stub")
    yield Case(
        "ASGI middleware: preflight, total",
        call_asgi,
        asgi,
        scopes("OPTIONS", *ASK),
        "loop: asgi",
    )
    yield Case(
        "Starlette drop-in: preflight, total",
        call_asgi,
        DropIn(stub, **{**OPTIONS, "allow_origins": [APP]}),
        scopes("OPTIONS", *ASK),
        "loop: asgi",
    )
    plain, actual = environs("GET", *PLAIN), environs("GET", *REQUEST)
    yield Case("bare: WSGI stub", call_wsgi, wsgi_stub, plain, "loop: 1 argument")
    yield Case("WSGI middleware: no origin", call_wsgi, wsgi, plain, "bare: WSGI stub")
    yield Case("WSGI middleware: allowed", call_wsgi, wsgi, actual, "bare: WSGI stub")
    varying = Wsgi(varying_wsgi_stub, policy)
    name = "WSGI middleware: allowed, beside a Vary"
    yield Case("bare: varying WSGI stub", call_wsgi, varying_wsgi_stub, actual, "loop: 1 argument")
    yield Case(name, call_wsgi, varying, actual, "bare: varying WSGI stub")
    yield Case(
        "WSGI middleware: preflight, total",
        call_wsgi,
        wsgi,
        environs("OPTIONS", *ASK),
        "loop: 1 argument",
    )


# -- counting --------------------------------------------------------------------------------


def own_loop(block: Callable[..., Any], name: str) -> Callable[..., Any]:
    assert isinstance(block, FunctionType)
    return FunctionType(block.__code__.replace(co_name=name), globals())


def run(block: Callable[..., Any], call: Callable[..., Any], inputs: Inputs) -> None:
    running = block(call, inputs)
    if running is not None:
        try:
            running.send(None)
        except StopIteration:
            return
        raise AssertionError("the application waits")


def count(case: Case, layout: int, marks: Any) -> None:
    block = own_loop(case.block, case.name)
    random.seed(1)
    for _ in range(WARM_UP // MANY):
        run(block, case.call, case.inputs(MANY))
    for calls in (FEW, MANY):
        inputs = case.inputs(calls)
        marks.begin()
        run(block, case.call, inputs)
        marks.end(f"{case.name}|{layout}|{calls}")


def main(library: str, word: str = "") -> None:
    marks = extension.load(Path(library))
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
