"""Signals, forks and deep recursion during a decision or a construction.

Each group runs in a process of its own, because a fault of the native engine ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.engines import ENGINES
from support.processes import run_file

ORIGIN = "https://a.example"
OPTIONS: dict[str, Any] = {
    "allow_origins": [ORIGIN, "https://*.b.example", "https://pr-*.c.example"],
    "allow_methods": ["PUT"],
}
SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [(b"origin", ORIGIN.encode())]}
ENVIRON = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": ORIGIN}


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []


class Requests:
    """The same requests by every way to a policy. `check` raises if an answer is wrong."""

    def __init__(self) -> None:
        import corsfast
        from corsfast.middleware.asgi import CORSMiddleware as Asgi
        from corsfast.middleware.resolver import OriginResolver
        from corsfast.middleware.wsgi import CORSMiddleware as Wsgi

        self.policy = corsfast.Policy(**OPTIONS)
        self.holder = corsfast.PolicyHolder(self.policy)
        self.resolver = OriginResolver(lambda origin: origin == ORIGIN)
        self.asgi = Asgi(asgi_app, self.holder)
        self.wsgi = [
            Wsgi(wsgi_app, self.holder),
            Wsgi(wsgi_app, corsfast.Policy(allow_origins=()), resolver=self.resolver),
        ]

    def check(self) -> None:
        assert self.policy.actual(ORIGIN).allowed
        assert self.policy.actual("https://pr-1.c.example").allowed
        assert not self.policy.preflight("https://evil.example", "PUT").allowed
        assert not self.policy.actual(f"https://x{time.perf_counter_ns()}.example").allowed
        for wsgi in self.wsgi:
            sent: list[Any] = []
            wsgi(dict(ENVIRON), lambda status, headers, sent=sent: sent.extend(headers))
            assert ("Access-Control-Allow-Origin", ORIGIN) in sent
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        answer = self.asgi(SCOPE, None, send)
        with contextlib.suppress(StopIteration):
            answer.__await__().send(None)
        assert (b"access-control-allow-origin", ORIGIN.encode()) in messages[0]["headers"]


class Interrupted(BaseException):  # as KeyboardInterrupt is
    pass


def signals() -> None:
    """Let a handler raise at any time during decisions and constructions."""
    import corsfast

    requests = Requests()
    requests.check()

    def interrupt(*_: object) -> NoReturn:
        requests.resolver.forget()
        raise Interrupted

    signal.signal(signal.SIGALRM, interrupt)
    constructed = decided = interrupted = 0
    for i in range(300):
        delay = 1e-5 * 1.03**i
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            end = time.perf_counter() + 1  # under load the signal comes late
            while time.perf_counter() < end:
                if i % 2:
                    requests.check()
                    decided += 1
                else:
                    requests.holder.policy = corsfast.Policy(**OPTIONS)
                    constructed += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            interrupted += 1
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    requests.check()
    # The interpreter ignores an exception in a callback, for example of a weak reference.
    assert interrupted > 250
    assert decided
    assert constructed


def forks() -> None:
    """Fork while threads decide and swap policies; then decide in the child."""
    import corsfast

    requests = Requests()
    policies = [requests.policy, corsfast.Policy(**OPTIONS, allow_headers="*")]
    stop = threading.Event()
    failed: list[BaseException] = []

    def work(swaps: bool) -> None:
        try:
            while not stop.is_set():
                requests.check()
                if swaps:
                    requests.holder.policy = policies[time.perf_counter_ns() % 2]
                requests.policy.stats()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i == 0,)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    signal.alarm(20)  # a lock that another thread held would wait forever
                    for _ in range(20):
                        requests.check()
                    requests.holder.policy = corsfast.Policy(**OPTIONS)
                    requests.check()
                    requests.policy.stats(reset=True)
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []


def recursion() -> None:
    """Call near the recursion limit: RecursionError or the right answer, at each depth."""
    import corsfast

    requests = Requests()
    requests.check()
    results: list[str] = []

    def at_depth(left: int, call: Any) -> None:
        if left:
            at_depth(left - 1, call)
            return
        try:
            call()
        except RecursionError:
            results.append("recursion")
        else:
            results.append("right")

    def construct() -> None:
        corsfast.Policy(**OPTIONS)

    limit = 400
    sys.setrecursionlimit(limit)
    for call in (requests.check, construct):
        results.clear()
        for left in range(limit):
            with contextlib.suppress(RecursionError):
                at_depth(left, call)
        assert {*results} == {"recursion", "right"}
    sys.setrecursionlimit(1000)
    requests.check()
    construct()


def no_loop_left() -> None:
    """Cancel a request between any two steps of an event loop."""
    requests = Requests()

    async def one() -> None:
        async def send(message: Any) -> None:
            await asyncio.sleep(0)

        for steps in range(6):
            task = asyncio.ensure_future(requests.asgi(SCOPE, None, send))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    for _ in range(50):
        asyncio.run(one())
    requests.check()


GROUPS = {run.__name__: run for run in (signals, forks, recursion, no_loop_left)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("group", GROUPS)
def test_an_interruption_leaves_right_answers(
    group: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if group in ("signals", "forks") and not hasattr(os, "fork"):
        return
    if group == "forks" and "free-threading" in sys.version:
        return  # a dict's own lock that another thread waits for may stay locked in the child
    monkeypatch.setenv("CORSFAST_IMPLEMENTATION", engine)
    run_file(__file__, group, flags=("-W", "ignore"))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    GROUPS[sys.argv[1]]()
