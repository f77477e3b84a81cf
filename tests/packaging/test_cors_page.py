"""The exchanges in docs/cors.md are those of the server that the page shows.

`PYTHONPATH=tests python tests/packaging/test_cors_page.py` writes the responses into the page.
"""

from __future__ import annotations

import http.client
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.servers import Server

from corsfast.testing import Browser, CORSError, RawResponse

pytestmark = pytest.mark.server

PAGE = Path(__file__).parents[2] / "docs" / "cors.md"
EXCHANGE = re.compile(r"(?<=^```text\n)([A-Z]+ .*?\n\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)


@contextmanager
def shop(text: str) -> Iterator[int]:
    """Start the server of the page, and yield its port."""
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert block is not None
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "shop.py").write_text(block[1], "utf-8")
        command = f"-m uvicorn shop:app --app-dir {folder} --no-date-header --no-server-header"
        with Server(command + " --port {port}", "auto", Path(folder, "log")) as server:
            yield server.port


def ask(port: int, request: str) -> str:
    first, *lines = request.strip().split("\n")
    method, path, _ = first.split(" ")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for line in lines:
        connection.putheader(*line.split(": "))
    connection.endheaders()
    response = connection.getresponse()
    fields = [f"{name}: {value}" for name, value in response.getheaders()]
    head = [f"HTTP/1.1 {response.status} {response.reason}", *fields]
    body = response.read().decode()
    connection.close()
    return "\n".join([*head, "", body]).rstrip() + "\n"


def answered(text: str) -> str:
    """Return the page with the responses of its server."""
    with shop(text) as port:
        return EXCHANGE.sub(lambda found: found[1] + ask(port, found[1]), text)


def test_the_page_shows_the_real_exchanges() -> None:
    text = PAGE.read_text("utf-8")
    assert len(EXCHANGE.findall(text)) == 7
    assert answered(text) == text


def test_the_page_quotes_the_console() -> None:
    page = Browser("https://evil.example")
    with pytest.raises(CORSError) as caught:
        page.fetch([RawResponse(200)], "GET", "https://api.example.com/items")
    text = " ".join(PAGE.read_text("utf-8").replace("\n>", "\n").split())
    assert caught.value.console["chromium"] in text


if __name__ == "__main__":
    PAGE.write_text(answered(PAGE.read_text("utf-8")), "utf-8")
