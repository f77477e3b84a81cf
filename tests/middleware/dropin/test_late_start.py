"""An invalid option stops the start-up even if Starlette creates the middleware late.

The tests are marked `server` because they need Starlette and the servers.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.client import run

from corsfast import PolicyError
from corsfast.middleware import asgi, starlette

pytestmark = pytest.mark.server

WRONG: Any = {"allow_origins": ["http://localhost:3000/"]}
WAYS = [
    (asgi.CORSMiddleware, WRONG, PolicyError, "trailing-slash"),
    (asgi.CORSMiddleware, {}, TypeError, "needs a policy"),
    (asgi.CORSMiddleware, {"origins": ["*"]}, TypeError, "write allow_origins"),
    (starlette.CORSMiddleware, {**WRONG, "strict": True}, PolicyError, "trailing-slash"),
    (starlette.CORSMiddleware, {"origins": ["*"]}, TypeError, "write allow_origins"),
    (starlette.CORSMiddleware, {"allow_origins": None}, TypeError, "write allow_origins="),
]
MODULE = """
    from starlette.applications import Starlette
    from corsfast.middleware.{module} import CORSMiddleware

    app = Starlette()
    app.add_middleware(CORSMiddleware, allow_origins=["http://localhost:3000/"]{more})
"""
SERVERS = {
    "uvicorn": ["uvicorn", "late:app", "--port", "0"],
    "hypercorn": ["hypercorn", "late:app", "--bind", "127.0.0.1:0"],
    "granian": ["granian", "--interface", "asgi", "late:app", "--port", "0"],
}


STARTUP = {"type": "lifespan.startup"}


def application(kind: Any, options: dict[str, Any]) -> Any:
    from starlette.applications import Starlette

    app = Starlette()
    app.add_middleware(kind, **options)
    return app


@pytest.mark.parametrize(("kind", "options", "error", "text"), WAYS)
def test_lifespan_says_that_the_start_up_failed(
    kind: Any, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    sent = run(application(kind, options), {"type": "lifespan"}, STARTUP, raises=False)
    with pytest.raises(error, match=text):
        raise sent.error or AssertionError("no error")
    (message,) = sent
    assert message["type"] == "lifespan.startup.failed"
    assert text in message["message"]


@pytest.mark.parametrize(("kind", "options", "error", "text"), WAYS)
def test_without_lifespan_each_request_raises(
    kind: Any, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    app = application(kind, options)

    async def nothing(*_: Any) -> Any:
        return {"type": "http.request"}

    async def ask() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        await app(scope, nothing, nothing)

    for _ in range(2):
        with pytest.raises(error, match=text):
            asyncio.run(ask())


@pytest.mark.parametrize(("kind", "options", "error", "text"), WAYS)
def test_made_by_hand_in_a_loop_it_raises_at_once(
    kind: Any, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    from starlette.applications import Starlette

    async def main() -> None:
        kind(Starlette(), **options)

    with pytest.raises(error, match=text):
        asyncio.run(main())


@pytest.mark.parametrize(("module", "more"), [("asgi", ""), ("starlette", ", strict=True")])
@pytest.mark.parametrize("server", SERVERS)
def test_a_server_ends_with_a_suggestion(
    server: str, module: str, more: str, tmp_path: Path, engine: ModuleType
) -> None:
    (tmp_path / "late.py").write_text(textwrap.dedent(MODULE).format(module=module, more=more))
    name = engine.__name__.rpartition(".")[2].strip("_")
    done = subprocess.run(
        [sys.executable, "-m", *SERVERS[server]],
        cwd=tmp_path,
        env={**os.environ, "CORSFAST_IMPLEMENTATION": name},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "Write 'http://localhost:3000' instead. [trailing-slash]" in said
    assert server == "hypercorn" or done.returncode != 0
