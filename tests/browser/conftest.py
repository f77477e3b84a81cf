"""A headless Chromium, the pages that it shows, and the servers that those pages ask.

    pip install -e '.[test-browser]' && pytest tests/browser

Required things fail: no browser is an error of each test. CHROMIUM names its executable where
it is none of the usual ones. Never: download one, or read a user's profile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from browser.chromium import Api, Tabs, executable
from playwright.sync_api import Browser, sync_playwright
from serving import Server

# The servers of APIs: each is one process, so that one recorder sees everything.
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
# The ports of the pages' origins, as the matrix has them.
PAGE_PORTS = (80, 8001, 8002, 8003)


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Each server's port; "pages" is theirs."""
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
    """Every name ends at this machine, and the ports of origins at the server of pages."""
    rules = [f"MAP *:{port} 127.0.0.1:{ports['pages']}" for port in PAGE_PORTS]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(),
            chromium_sandbox=False,  # root has to do without, and what is loaded is ours
            args=["--host-resolver-rules=" + ", ".join([*rules, "MAP *.test 127.0.0.1"])],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared(browser: Browser) -> Tabs:
    """One profile for tests that ask for URLs of their own."""
    return Tabs(browser.new_context())


@pytest.fixture
def fresh(browser: Browser) -> Iterator[Tabs]:
    """A new profile: empty caches, no cookies."""
    context = browser.new_context()
    yield Tabs(context)
    context.close()
