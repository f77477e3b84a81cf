"""The middleware that docs/framework-authors.md shows answers the corpus as our own does."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from corpus import build, case_id, rows
from support.surfaces import Asked, asgi_app, make_policy

PAGE = Path(__file__).parents[2] / "docs" / "framework-authors.md"
CASES = [*rows("decisions.jsonl"), *rows("requests.jsonl")]


@pytest.fixture(scope="module")
def middleware() -> Any:
    block = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {}
    exec(block[1], names)
    return names["CORS"]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_the_shown_middleware_answers_as_ours(middleware: Any, engine: Any, case: Any) -> None:
    request = Asked(**build(case["request"]))
    if not request.is_latin1():
        return  # ASGI cannot carry it
    policy = make_policy(engine, build(case["policy"]))
    sent = [("Vary", "Accept"), ("Access-Control-Allow-Origin", "https://other.example")]
    ours = asgi_app(policy, request, 500, sent)
    assert asgi_app(policy, request, 500, sent, middleware) == ours


@pytest.mark.parametrize(
    ("origin", "reached"),
    [(None, True), ("https://a.example", True), ("https://evil.example", False)],
)
def test_the_shown_middleware_checks_handshakes(
    middleware: Any, engine: Any, origin: str | None, reached: bool
) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append("reached")

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        seen.append(message["type"])

    headers = [(b"origin", origin.encode())] if origin else []
    policy = engine.Policy(allow_origins=["https://a.example"])
    scope = {"type": "websocket", "path": "/", "headers": headers}
    asyncio.run(middleware(app, policy)(scope, receive, send))
    assert seen == (["reached"] if reached else ["websocket.close"])
