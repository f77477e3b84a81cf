"""Check that an installed wheel works without the source tree."""

import asyncio
import sys

import corsfast
from corsfast.middleware._generic.engine import is_origin
from corsfast.middleware.asgi import CORSMiddleware

policy = corsfast.Policy(allow_origins=["https://app.example.com"])
assert sys.argv[1] == corsfast.IMPLEMENTATION, corsfast.IMPLEMENTATION
assert policy.actual("https://app.example.com").allowed
assert not policy.actual("https://evil.example").allowed
assert policy.preflight("https://app.example.com", "GET", None).allowed
assert is_origin("null")  # an old Cython once refused it

# The first preflight through a middleware: an old Cython once made it crash.
preflight = {
    "type": "http",
    "method": "OPTIONS",
    "headers": [
        (b"origin", b"https://app.example.com"),
        (b"access-control-request-method", b"GET"),
    ],
}
sent: list[dict[str, object]] = []


async def app(_scope: object, _receive: object, _send: object) -> None:
    raise AssertionError("a preflight is answered by the middleware")


async def send(message: dict[str, object]) -> None:
    sent.append(message)


asyncio.run(CORSMiddleware(app, policy)(preflight, None, send))
assert [message.get("status") for message in sent] == [204, None], sent
