"""The server of test_cross_site.py: its pages, its redirects, and the middlewares under test.

    /page?ACTION            a page that sends requests as soon as it is loaded: see `Action`
    /hop?URL                a redirect to a URL that keeps the method
    /ROW/asgi/POLICY[/proxied]  an application below `cross_site="refuse"`, under one of POLICIES.
    /ROW/wsgi/POLICY[/proxied]  "proxied" is behind a proxy that writes its own Host.

Servers import this module in a process of their own. /-/seen/ROW returns what arrived.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from asgiref.wsgi import WsgiToAsgi
from browser.served import Answer, recorded_asgi, respond

from corsfast.middleware import asgi, wsgi

# The names of web-platform-tests. "https" and "http" are two ports of one process.
HOSTS = {
    "Origin": "web-platform.test",
    "SameSite": "www.web-platform.test",
    "CrossSite": "not-web-platform.test",
}
POLICIES: dict[str, dict[str, Any]] = {
    "closed": {"allow_origins": ["https://trusted.example"]},
    "listed": {"allow_origins": [f"{it}://{HOSTS['Origin']}:*" for it in ("https", "http")]},
}

# A page sends the same request to each of its URLs. A navigation goes to a frame of its own, or to
# a window if the request is without TLS somewhere, because frames of https cannot load http.
PAGE = """<!doctype html><link rel=icon href=data:,><body><script>
const action = JSON.parse(decodeURIComponent(location.search.slice(1)));
const { client, method, mode, referrerPolicy, frame, windows } = action;
const add = (name, attributes) => {
    const element = Object.assign(document.createElement(name), attributes);
    document.body.append(element);
    return element;
};
const target = (place) => {
    const name = `target${place}`;
    if (windows) open("about:blank", name); else add("iframe", { name });
    return name;
};
const clients = {
    form(url, place) {
        add("form", { action: url, method, target: target(place) }).submit();
    },
    fetch(url) { fetch(url, { method, mode, referrerPolicy }).catch(() => {}); },
    preflight(url) { fetch(url, { mode, headers: { "x-test": "testing" } }).catch(() => {}); },
    xhr(url) {
        const request = new XMLHttpRequest();
        request.open(method, url);
        request.send("x");
    },
    beacon(url) { navigator.sendBeacon(url, "x"); },
    a(url, place) { add("a", { href: url, target: target(place) }).click(); },
    iframe(url) { add("iframe", { src: url }); },
    img(url) { add("img", { src: url }); },
    script(url) { add("script", { src: url }); },
    video(url) { add("video", { src: url }); },
    stylesheet(url) { add("link", { rel: "stylesheet", href: url }); },
    "meta-refresh"(url) {
        add("iframe", { srcdoc: `<meta http-equiv="refresh" content="0;url=${url}">` });
    },
    "window-location"(url) { add("iframe").contentWindow.location.assign(url); },
};
addEventListener("load", () => {
    if (!frame) return action.urls.forEach(clients[client]);
    // The same page, in a frame with an opaque origin.
    const inner = encodeURIComponent(JSON.stringify({ ...action, frame: "" }));
    const template = document.createElement("template");
    template.innerHTML = `<iframe ${frame} src="/page?${inner}"></iframe>`;
    document.body.append(template.content);
});
</script>"""


TEXT = ("Content-Type", "text/plain")


async def reached(scope: Any, receive: Any, send: Any) -> None:
    await respond(send, Answer(200, [TEXT], b"reached"))


def reached_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [TEXT])
    return [b"reached"]


def protected(interface: str, options: dict[str, Any]) -> Any:
    if interface == "asgi":
        return asgi.CORSMiddleware(reached, **options, cross_site="refuse")
    middleware = wsgi.CORSMiddleware(reached_wsgi, **options, cross_site="refuse")
    return WsgiToAsgi(middleware)


PROTECTED = {
    (interface, policy): protected(interface, options)
    for interface in ("asgi", "wsgi")
    for policy, options in POLICIES.items()
}


async def serve(scope: Any, receive: Any, send: Any) -> Any:
    if scope["type"] != "http":
        return None
    query = unquote(scope["query_string"].decode())
    _, first, *rest = scope["path"].split("/")
    if first == "hop":
        return await respond(send, Answer(307, [("Location", query)], b""))
    if first == "page":
        headers = [("Content-Type", "text/html")]
        if "pagePolicy" in (action := json.loads(query)):
            headers.append(("Referrer-Policy", action["pagePolicy"]))
        return await respond(send, Answer(200, headers, PAGE.encode()))
    if not rest:
        return await respond(send, Answer(200, [], b"ready"))
    interface, policy, *proxied = rest
    if proxied:
        others = [pair for pair in scope["headers"] if pair[0] != b"host"]
        scope = {**scope, "headers": [*others, (b"host", b"backend.internal:8080")]}
    # Streams of HTTP/2 stall in Hypercorn if a response is complete before the request is.
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())

    async def again() -> Any:
        return messages.pop(0) if messages else await receive()

    return await PROTECTED[interface, policy](scope, again, send)


app = recorded_asgi(serve)
