"""Fixtures: a headless Chromium, the pages it shows, and the servers those pages call.

    pip install --group test-browser -e '.[test]' && pytest tests/browser

Every test fails if no browser is found. Set CHROMIUM to the executable if it is not in one of the
usual places. Nothing here downloads a browser or reads a user's profile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from browser.chromium import Api, Tabs, chromium
from playwright.sync_api import Browser
from support.servers import Server

# Each API server is a single process, so that one recorder sees everything.
UVICORN = "-m uvicorn --http h11 --lifespan off --log-level warning --port {port}"
GUNICORN = "-m gunicorn --bind 127.0.0.1:{port}"
SERVERS = {
    "asgi": f"{UVICORN} browser.served:asgi",
    "wsgi": f"{GUNICORN} browser.served:wsgi",
    "starlette": f"{UVICORN} --factory browser.served:starlette",
    "fastapi": f"{UVICORN} --factory browser.served:fastapi",
    "flask": f"{GUNICORN} browser.served:flask()",
    "django": f"{GUNICORN} browser.served:django()",
    "django-asgi": f"{UVICORN} --factory browser.served:django_asgi",
}


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Yield the port of each server; "pages" is the server of the pages."""
    logs = tmp_path_factory.mktemp("servers")
    with contextlib.ExitStack() as stack:
        servers = {}
        commands = {**SERVERS, "pages": f"{UVICORN} browser.served:pages"}
        for name, command in commands.items():
            servers[name] = Server(command, "native", logs / name)
            stack.callback(servers[name].stop)
        for server in servers.values():
            server.wait_until_ready()
        yield {name: server.port for name, server in servers.items()}


@pytest.fixture(scope="session")
def apis(ports: dict[str, int]) -> dict[str, Api]:
    return {name: Api(port) for name, port in ports.items()}


@pytest.fixture(scope="session")
def browser(ports: dict[str, int]) -> Iterator[Browser]:
    with chromium(ports["pages"]) as browser:
        yield browser


@pytest.fixture(scope="session")
def shared(browser: Browser) -> Tabs:
    """Return one profile for the tests that use URLs of their own."""
    return Tabs(browser.new_context())


@pytest.fixture
def fresh(browser: Browser) -> Iterator[Tabs]:
    """Yield a new profile with empty caches and no cookies."""
    context = browser.new_context()
    yield Tabs(context)
    context.close()
