"""The response to a preflight over ASGI is a coroutine, even if it is compiled.

It waits, is canceled, fails and is closed like an `async def`, for any result of the server's
`send`. Each test runs on the class in handlers.py and on its compiled twin, if there is one.
test_asgi.py tests the content of the response.
"""

from __future__ import annotations

import asyncio
import collections.abc
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest

import corsfast
from corsfast.middleware._generic import handlers

POLICY = corsfast.Policy(allow_origins=["https://app.example.com"])
SCOPE = {
    "type": "http",
    "method": "OPTIONS",
    "headers": [
        (b"origin", b"https://app.example.com"),
        (b"access-control-request-method", b"GET"),
    ],
}
Send = Callable[[dict[str, Any]], Awaitable[None]]


def halves() -> list[Any]:
    found: list[Any] = [pytest.param(handlers.ASGICall, id="python")]
    if corsfast.IMPLEMENTATION == "native":
        from corsfast._engine.native import ASGICall

        found.append(pytest.param(ASGICall, id="compiled"))
    return found


@pytest.fixture(params=halves())
def answer(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Return the awaitable of the application, given the server's `send`."""
    call = request.param(None, POLICY)
    return lambda send: call(SCOPE, None, send)


class Waiting:
    """An awaitable that is not a coroutine: it yields twice, and returns what it is sent."""

    def __init__(self, log: list[object]) -> None:
        self.log = log

    def __await__(self) -> Generator[object, object, None]:
        self.log.append((yield "one"))
        self.log.append((yield "two"))


@types.coroutine
def old_style(log: list[object]) -> Generator[object, object, None]:
    log.append((yield "one"))
    log.append((yield "two"))


async def coroutine(log: list[object]) -> None:
    await Waiting(log)


@pytest.mark.parametrize("make", [Waiting, old_style, coroutine])
def test_hands_through_what_send_waits_for(answer: Any, make: Any) -> None:
    log: list[object] = []
    sent: list[str] = []

    def send(message: dict[str, Any]) -> Any:
        sent.append(message["type"])
        return make(log)

    running = answer(send)
    assert running.send(None) == "one"
    assert sent == ["http.response.start"]
    assert running.send("a") == "two"
    assert running.send("b") == "one"
    assert sent == ["http.response.start", "http.response.body"]
    assert running.send("c") == "two"
    with pytest.raises(StopIteration) as stopped:
        running.send("d")
    assert stopped.value.value is None
    assert log == ["a", "b", "c", "d"]


def test_is_a_coroutine_to_whoever_asks(answer: Any) -> None:
    async def send(_: dict[str, Any]) -> None:
        await asyncio.sleep(0)

    async def serve() -> None:
        made = answer(send)
        assert isinstance(made, collections.abc.Coroutine)
        await asyncio.create_task(made)
        await asyncio.wait_for(answer(send), 60)
        await asyncio.gather(answer(send), answer(send))

    asyncio.run(serve())


def test_is_cancelled_where_it_waits(answer: Any) -> None:
    seen: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        seen.append(message["type"])
        try:
            await asyncio.sleep(60)
        finally:
            seen.append("cancelled")

    async def serve() -> None:
        task = asyncio.ensure_future(answer(send))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(serve())
    assert seen == ["http.response.start", "cancelled"]


def test_goes_on_where_send_swallows_an_error(answer: Any) -> None:
    sent: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])
        try:
            await Waiting([])
        except KeyError:
            return

    running = answer(send)
    assert running.send(None) == "one"
    assert running.throw(KeyError("x")) == "one"
    assert sent == ["http.response.start", "http.response.body"]
    with pytest.raises(StopIteration):
        running.throw(KeyError("x"))


@pytest.mark.parametrize("message", ["http.response.start", "http.response.body"])
def test_an_error_of_send_ends_it(answer: Any, message: str) -> None:
    sent: list[str] = []

    async def send(given: dict[str, Any]) -> None:
        sent.append(given["type"])
        if given["type"] == message:
            raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        answer(send).send(None)
    assert sent[-1] == message


def test_an_error_before_it_began_sends_nothing(answer: Any) -> None:
    running = answer(None)
    with pytest.raises(KeyError):
        running.throw(KeyError("x"))
    never = answer(None)
    never.close()


def test_closing_it_closes_what_it_waits_for(answer: Any) -> None:
    closed: list[bool] = []

    async def send(_: dict[str, Any]) -> None:
        try:
            await Waiting([])
        finally:
            closed.append(True)

    running = answer(send)
    assert running.send(None) == "one"
    running.close()
    assert closed == [True]
    running.close()


class Bare:
    """An awaitable that can only yield, as in servers written in Rust."""

    def __await__(self) -> Any:
        return iter(["one"])


def test_what_it_waits_for_need_not_take_an_error(answer: Any) -> None:
    sent: list[str] = []

    def send(message: dict[str, Any]) -> Any:
        sent.append(message["type"])
        return Bare()

    running = answer(send)
    assert running.send(None) == "one"
    with pytest.raises(asyncio.CancelledError):
        running.throw(asyncio.CancelledError())
    closed = answer(send)
    assert closed.send(None) == "one"
    closed.close()
    assert sent == ["http.response.start"] * 2


def test_an_error_that_would_end_it_is_another(answer: Any) -> None:
    def send(_: dict[str, Any]) -> Any:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        answer(send).send(None)


@pytest.mark.parametrize("given", [None, 7, "text", [], iter(()), (n for n in ())])
def test_a_send_that_gives_nothing_to_await_is_a_type_error(answer: Any, given: object) -> None:
    with pytest.raises(TypeError):
        answer(lambda _: given).send(None)


def test_a_subclass_may_have_a_call_of_its_own() -> None:
    async def app(*_: Any) -> str:
        return "the application"

    for half in halves():
        base = half.values[0]
        scope = {"type": "lifespan"}
        kind = type("Mine", (base,), {})
        call = kind(app, POLICY)
        own = type("Own", (base,), {"__call__": lambda *_: "its own"})(app, POLICY)
        assert own(scope, None, None) == "its own"
        with pytest.raises(StopIteration) as stopped:
            call(scope, None, None).send(None)
        assert stopped.value.value == "the application"
        # Instrumentation sets methods on classes.
        kind.__call__ = lambda *_: "patched"  # type: ignore[operator]
        assert call(scope, None, None) == "patched"
        with pytest.raises(TypeError):
            base(app, POLICY)()


def check_refused(running: Any) -> None:
    for use in (running.close, lambda: running.send(None), lambda: running.throw(KeyError())):
        with pytest.raises(ValueError, match="coroutine already executing"):
            use()


def test_nobody_else_may_drive_it_while_it_runs(answer: Any) -> None:
    """Otherwise the awaitable that it waits for could be freed while it runs."""
    sent: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])
        kept = [[n] for n in range(100)]
        check_refused(running)
        await Waiting([])
        assert kept == [[n] for n in range(100)]

    running = answer(send)
    assert [running.send(None), running.send(None)] == ["one", "two"]
    assert [running.send(None), running.send(None)] == ["one", "two"]
    with pytest.raises(StopIteration):
        running.send(None)
    assert sent == ["http.response.start", "http.response.body"]


def test_what_waits_may_be_asked_while_an_error_is_thrown_in(answer: Any) -> None:
    async def send(_: dict[str, Any]) -> None:
        try:
            await Waiting([])
        except KeyError:
            check_refused(running)
            raise

    running = answer(send)
    assert running.send(None) == "one"
    with pytest.raises(KeyError):
        running.throw(KeyError())


def ended(answer: Any) -> list[Any]:
    """Return coroutines that have ended, each in another way."""

    async def good(_: dict[str, Any]) -> None: ...

    def fails(_: dict[str, Any]) -> Any:
        raise ConnectionResetError

    @types.coroutine
    def fails_later(_: dict[str, Any]) -> Any:
        yield "one"
        raise ConnectionResetError

    sent, failed, failed_later, thrown, closed, closed_later = (
        answer(send) for send in (good, fails, fails_later, fails, fails, fails_later)
    )
    with pytest.raises(StopIteration):
        sent.send(None)
    with pytest.raises(ConnectionResetError):
        failed.send(None)
    assert failed_later.send(None) == closed_later.send(None) == "one"
    with pytest.raises(ConnectionResetError):
        failed_later.send(None)
    with pytest.raises(KeyError):
        thrown.throw(KeyError())
    closed.close()
    closed_later.close()
    return [sent, failed, failed_later, thrown, closed, closed_later]


async def await_it(running: Any) -> None:
    await running


@pytest.mark.parametrize(
    "use",
    [
        lambda running: running.send(None),
        lambda running: running.throw(KeyError()),
        lambda running: await_it(running).send(None),
    ],
)
def test_is_awaited_once(answer: Any, use: Any) -> None:
    for running in ended(answer):
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            use(running)
        running.close()


def test_takes_no_value_before_it_waits(answer: Any) -> None:
    running = answer(Waiting)
    with pytest.raises(TypeError, match="just-started"):
        running.send("a value")
    running.close()


class Stops:
    """An awaitable whose `__await__` raises the exception that ends coroutines."""

    def __await__(self) -> Any:
        raise StopIteration


def test_no_stop_iteration_ends_it(answer: Any) -> None:
    def send(_: dict[str, Any]) -> Any:
        return Stops()

    with pytest.raises(RuntimeError, match="StopIteration"):
        answer(send).send(None)
