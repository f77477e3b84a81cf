"""Run the cases of support/exchanges.py in a real browser, over sockets.

The server answers with the exact bytes of a case, valid or not, so it is not a server of HTTP
libraries. It runs in a thread of the test process and records what arrives.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from support.exchanges import Script, Seen, Wire, origins, wire

from corsfast.testing import RawResponse, Request

# In the page: do a fetch, or the same with XMLHttpRequest, and tell what the page gets to know.
CLIENT = """async ({url, init, xhr, upload}) => {
    if (xhr) return new Promise((resolve) => {
        const request = new XMLHttpRequest();
        if (upload) request.upload.onprogress = () => {};
        request.open(init.method ?? "GET", url);
        for (const [name, value] of init.headers ?? []) request.setRequestHeader(name, value);
        request.withCredentials = init.credentials === "include";
        request.onload = () => resolve({
            outcome: "resolved", status: request.status, body: request.responseText,
        });
        request.onerror = () => resolve({outcome: "rejected"});
        request.send(init.body);
    });
    try {
        const response = await fetch(url, init);
        const {status, type} = response;
        const headers = Object.fromEntries(response.headers);
        return {outcome: "resolved", status, type, headers, body: await response.text()};
    } catch (error) {
        return {outcome: "rejected", error: String(error)};
    }
}"""
ADDED = ("content-length", "cache-control")
PATIENCE_S = 20  # until the reports of a refused request are complete


class Page(NamedTuple):
    """A page of a real browser.

    Attributes:
        evaluate: calls CLIENT with its argument, and returns the result.
        reports: takes the same argument, and returns the items that the browser has reported
            about the request until now. They may arrive after the rejection.
    """

    evaluate: Callable[[dict[str, Any]], dict[str, Any]]
    reports: Callable[[dict[str, Any]], dict[str, Any]] = lambda _: {}


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate and its key; return both files."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    files = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*request, *files], check=True, capture_output=True)
    return certificate, key


class ScriptedServer:
    """Servers on four ports, two of them with TLS, which answer as the current case says."""

    def __init__(self, folder: Path) -> None:
        self.script: Script | None = None
        self.seen: list[Wire] = []
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate(folder))
        ports = [self._listen(context) for context in (None, None, tls, tls)]
        names = {"page": 0, "remote": 0, "port": 1, "remote2": 1, "tls": 2, "tls2": 3}
        self.texts = origins({name: ports[place] for name, place in names.items()})

    def stop(self) -> None:
        async def close() -> None:
            for server in self._servers:
                server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.1)  # until the sockets are closed

        asyncio.run_coroutine_threadsafe(close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _listen(self, tls: ssl.SSLContext | None) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await self._answer(reader, writer, "https" if tls else "http"):
                    pass
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                writer.transport.abort()

        started = asyncio.start_server(serve, "localhost", 0, ssl=tls, limit=1 << 20)
        server = asyncio.run_coroutine_threadsafe(started, self._loop).result()
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, scheme: str
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.rstrip("\r\n").split("\r\n")
        method, path, _ = line.split(" ", 2)
        pairs = [tuple(text.split(":", 1)) for text in lines]
        request = Request(method, "", tuple((name, value.strip(" \t")) for name, value in pairs))
        body = await reader.readexactly(int(request.get("content-length") or 0))
        url = f"{scheme}://{request.get('host')}{path}"
        request = request._replace(url=url, body=body)
        if self.script is not None and path.startswith(f"/{self.script.case['id']}/"):
            self.seen.append(wire(request))
            response = self.script(request)
        else:
            page = (("Content-Type", "text/html"),)
            response = RawResponse(200, page, b"<!doctype html><link rel=icon href=data:,>")
        writer.write(raw(response, method))
        await writer.drain()
        return True


def raw(response: RawResponse, method: str) -> bytes:
    """Return a response as it is on the wire. It has two headers more, `ADDED`."""
    status, headers, body = response
    if status in (204, 304):
        body = b""
    else:
        headers = (*headers, ("Content-Length", str(len(body))))
    headers = (*headers, ("Cache-Control", "no-store"))
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Any"
    head = f"HTTP/1.1 {status} {phrase}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers)
    return head.encode("latin-1") + b"\r\n" + (b"" if method == "HEAD" else body)


def run_case(
    case: dict[str, Any], server: ScriptedServer, page: Page, model: list[Seen]
) -> list[Seen]:
    """Run a case in a page, and wait until refused requests are reported as in the model."""
    results = []
    server.script = script = Script(case, server.texts)
    for place, (step, ours) in enumerate(zip(case["steps"], model, strict=True)):
        script.step = place
        server.seen = []
        names = ("method", "headers", "body", "mode", "credentials", "redirect")
        init = {name: step["request"][name] for name in names if name in step["request"]}
        upload = step["request"].get("use_preflight", False)
        asked = {"url": script.url(), "init": init, "xhr": is_xhr(step), "upload": upload}
        told = page.evaluate(asked)
        told.pop("error", None)
        headers = told.pop("headers", None)
        if headers is not None:
            headers = {name: headers[name] for name in headers if name not in ADDED}
        seen = Seen(wire=tuple(server.seen), headers=headers, **told)
        end = time.monotonic() + PATIENCE_S
        while seen.outcome == "rejected":
            seen = seen._replace(**page.reports(asked))
            if not differences(step, ours, seen) or time.monotonic() > end:
                break
        results.append(seen)
    return results


def is_xhr(step: dict[str, Any]) -> bool:
    return "use_preflight" in step["request"] or step["request"].get("api") == "xhr"


def differences(step: dict[str, Any], model: Seen, real: Seen) -> list[str]:
    """Return the differences between the browser of corsfast.testing and a real one.

    The console of the real one has one text per line. It is ``None`` if the browser
    does not report them.
    """
    ignored = {"console"} if real.console is None else set()
    if is_xhr(step):
        ignored |= {"type", "headers", "console"}
    if model.reason == "DisallowedByMode" or real.reason is None:
        # Only Chromium reports reasons, and this one it reports in its console only.
        ignored |= {"reason", "parameter"} if model.reason else set()
    if model.reason == "HeaderDisallowedByPreflightResponse":
        ignored |= {"parameter", "console"}  # any of the headers that are not allowed
    if not model.console or model.console in (real.console or "").split("\n"):
        ignored.add("console")
    if step["request"].get("redirect") == "error":
        ignored.add("console")  # Firefox has no text
    return [
        f"{name} is {theirs!r}, in the model {ours!r}"
        for name, ours, theirs in zip(Seen._fields, model, real, strict=True)
        if ours != theirs and name not in ignored
    ]
