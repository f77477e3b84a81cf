"""No middleware reads a file in a running event loop, neither at creation nor per request.

Each scenario runs in a process of its own, in which nothing has been imported yet. blockbuster
raises an error for blocking calls. An audit hook sees every file that is opened, including imports,
which blockbuster allows.
"""

from __future__ import annotations

import textwrap

import pytest
from support.processes import run

import corsfast

PRELUDE = '''
import asyncio, logging, re, sys, warnings
from blockbuster import BlockBuster

warnings.simplefilter("always")
warnings.showwarning = lambda *args, **named: None
logging.disable()

A = "https://app.example.com"
HTTP = "http://a.example.com"
ORIGINS = [
    A, HTTP, None, "", "null", "https://evil.example", "https://pr-1.example.com", "x",
    "http://[::1]:3000", "http://[2001:db8::1]", "http://127.0.0.1:8080", "http://192.168.0.1",
    "https://xn--bcher-kva.example", "https://b\\xfccher.example", "capacitor://localhost",
    "chrome-extension://abcdefghijklmnop", "a" * 5000,
]
ASKED = [{}, {"access-control-request-method": "PUT"}, {
    "access-control-request-method": "TRACE",
    "access-control-request-headers": "x-one, authorization,,",
    "access-control-request-private-network": "true",
}]
# Lists of origins, some with every kind of mistake.
LISTS = [
    [A], ["*"], "*", [A, "null"], [HTTP], ["http://[2001:db8::1]:3000"], ["http://[::1]"], [],
    ["https://app.example.com/"], ["app.example.com"], ["https://*.example.com"], [""],
    ["https://*.co.uk"], ["https://*.elb.amazonaws.com"], ["https://b\\xfccher.example"],
    ["htps://a.example.com"], ["HTTPS://A.example.com:443"], ["http://localhost*"], "https://a.b.c",
    [f"https://n{i}.example.com" for i in range(50)], ["https://*.b\\xfccher.example"],
]
REGEXES = [
    r"https://.*\\.example\\.com", ".*", r"https://.*example.com", r"https://.*\\.co\\.uk",
    r"https://(?=a).*\\.example\\.com", r"http://\\[::1\\](:\\d+)?", r"a\\.example", "(?i)https://a.b",
    r"https://[a-z]+\\.github\\.io",
]
opened = []
watching = False


def hook(event, args):
    if watching and event == "open":
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_globals.get("__name__", "").startswith("corsfast"):
                opened.append((args[0], frame.f_globals["__name__"], frame.f_lineno))
                break
            frame = frame.f_back


def wrong(make, *args, **options):
    """Make a middleware; a wrong configuration is an error, and an error has a text."""
    try:
        return make(*args, **options)
    except (ValueError, TypeError, re.error) as error:
        str(error), repr(error)
        return None


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close"})
    headers = [(b"access-control-allow-origin", b"*"), (b"vary", b"Accept")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


async def ask(made, kind="http", path="/api/x", method=None, origins=ORIGINS):
    """Send requests of every kind."""
    for origin in origins:
        for asked in ASKED:
            fields = {"host": "api.example", **asked}
            if origin is not None:
                fields["origin"] = origin
            headers = [(k.encode(), v.encode("latin-1")) for k, v in fields.items()]
            scope = {
                "type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1",
                "method": method or ("OPTIONS" if asked else "GET"), "path": path,
                "raw_path": path.encode(), "root_path": "", "query_string": b"", "scheme": "http",
                "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
                "subprotocols": [], "extensions": {},
            }
            messages = [{"type": "websocket.connect"} if kind == "websocket" else
                        {"type": "http.request", "body": b"", "more_body": False}]

            async def receive():
                if messages:
                    return messages.pop()
                await asyncio.sleep(3600)

            async def send(message): ...

            await made(scope, receive, send)


def main():
    global watching
    sys.addaudithook(hook)

    async def watched():
        global watching
        blocking = BlockBuster(scanned_modules=["corsfast"])
        blocking.activate()
        watching = True
        try:
            await scenario()
        finally:
            watching = False
            blocking.deactivate()

    asyncio.run(watched())
    assert not opened, opened
    print("asked")
'''

SCENARIOS = {
    "asgi": """
        from corsfast import Policy, PolicyHolder, within
        from corsfast.middleware.asgi import CORSMiddleware
        from corsfast.middleware.resolver import OriginResolver

        async def looks_up(origin):
            return "evil" in origin

        async def scenario():
            for origins in LISTS:
                for credentials in (False, True):
                    made = wrong(
                        CORSMiddleware, app, allow_origins=origins, allow_credentials=credentials
                    )
                    if made is not None:
                        await ask(made)
            for regex in REGEXES:
                wrong(CORSMiddleware, app, allow_origins=[re.compile(regex)])
                await ask(CORSMiddleware(
                    app, allow_origins=[re.compile(regex), "https://pr-*.example.com"],
                    dangerously_tolerate=["foreign-origin", "public-suffix"],
                )) if regex[-1] == "m" and "?=" not in regex else None
            wrong(CORSMiddleware, app, allow_origin=[A])
            wrong(CORSMiddleware, app, allow_origins=[A], resolver=looks_up)
            wrong(CORSMiddleware, app, allow_origins=[A], allow_methods=["G T"], max_age="1")
            wrong(CORSMiddleware, app, paths={"api": {"allow_origins": ["x"]}})
            policy = Policy(allow_origins=[A, "http://localhost:[3000-3999]"])
            for given in (
                {"policy": policy}, {"policy": PolicyHolder(policy)}, {"policy": lambda: policy},
                {"paths": {"/api/*": policy, "/x": None, "/y": {"allow_origins": "*"}}},
                {"policy": policy, "cross_site": "refuse_all"},
                {"policy": policy, "report_only": Policy(allow_origins=["https://*.example.com"])},
                {"policy": policy, "resolver": OriginResolver(looks_up)},
                {"policy": policy, "resolver": OriginResolver(lambda origin: policy)},
                {"policy": policy, "websockets": "pass"},
            ):
                made = CORSMiddleware(app, **given)
                for kind in ("http", "websocket"):
                    for path in ("/api/x", "/x", "/y", "/%61pi"):
                        await ask(made, kind, path)
                if made.report is not None:
                    repr(made.report.counts)
            decision = policy.actual(A)
            repr(policy), repr(decision), hash(decision), decision.outcome, decision == decision
    """,
    "starlette": """
        from corsfast.middleware.starlette import CORSMiddleware

        async def scenario():
            for options in every():
                for strict in (True, False):
                    made = wrong(CORSMiddleware, app, strict=strict, **options)
                    if made is not None:
                        await ask(made)
                        await ask(made, "websocket")
    """,
    "litestar": """
        from corsfast.middleware.litestar import CORSConfig, CORSMiddleware

        async def scenario():
            for options in every():
                for strict in (True, False):
                    made = wrong(CORSMiddleware, app, CORSConfig(**options), strict=strict)
                    if made is not None:
                        await ask(made)
    """,
    "quart": """
        from quart import Quart
        from corsfast.middleware.quart import cors, route_cors

        async def view():
            return "hello"

        apps = [Quart("app") for _ in range(100)]
        for each in apps:
            each.add_url_rule("/api/x", "x", view)

        async def scenario():
            entries = [*LISTS, *map(re.compile, REGEXES)]
            for origins in entries:
                for strict in (True, False):
                    made = apps.pop()
                    if wrong(cors, made, allow_origin=origins, strict=strict) is not None:
                        await ask(made, origins=ORIGINS[:10:3])
                        await ask(made, origins=["http://[::2]", "https://other.example"])
                wrong(route_cors, allow_origin=origins, allow_credentials=True, max_age="x")
    """,
    "sanic": """
        from sanic import Sanic, text
        from corsfast.middleware.sanic import add_cors, cors

        Sanic.test_mode = True
        apps = [Sanic(f"app{i}") for i in range(100)]

        async def scenario():
            for origins in [*LISTS, *map(re.compile, REGEXES)]:
                for strict in (True, False):
                    made = apps.pop()
                    made.config.update(OAS=False, MOTD=False, AUTO_EXTEND=False)
                    made.config.CORS_ORIGINS = origins
                    made.add_route(lambda request: text("hello"), "/api/x", name="x")
                    wrong(add_cors, made, strict=strict)
                    if made.ctx.__dict__.get("cors") is None:
                        continue
                    async def receive():
                        return {"type": "lifespan.startup"}
                    made.router.finalize()
                    made.ctx.cors._assign(made)
                    for origin in ORIGINS:
                        for method in ("GET", "OPTIONS"):
                            request = Request(made, method, origin)
                            made.ctx.cors._apply(request, text("hello", headers={"Vary": "X"}))

        class Request:
            def __init__(self, app, method, origin):
                from sanic.compat import Header
                self.method, self.path = method, "/"
                self.headers = Header(ASKED[2] if method == "OPTIONS" else {})
                if origin is not None:
                    self.headers["origin"] = origin
                self.route = next(iter(app.router.routes))
    """,
    "blacksheep": """
        from blacksheep import Application, Router, text
        from corsfast.middleware.blacksheep import add_cors_policy, use_cors

        async def view(request):
            return text("hello")

        apps = [Application(router=Router()) for _ in range(50)]
        for each in apps:
            each.router.get("/api/x")(view)

        async def scenario():
            for origins in LISTS:
                for strict in (True, False):
                    made = apps.pop()
                    options = {"allow_origins": origins, "allow_methods": "*"}
                    if wrong(use_cors, made, strict=strict, **options) is None:
                        continue
                    wrong(add_cors_policy, made, "other", allow_credentials=True, **options)
                    await made.start()
                    await ask(made)
    """,
    "aiohttp": """
        from aiohttp import web
        from aiohttp.test_utils import make_mocked_request
        from corsfast.middleware.aiohttp import ResourceOptions, setup

        async def view(request):
            return web.Response(text="hello")

        async def scenario():
            for origins in LISTS:
                for strict in (True, False):
                    made = web.Application()
                    options = ResourceOptions(
                        allow_credentials=True, expose_headers="*", allow_methods="*"
                    )
                    defaults = {origin: options for origin in origins}
                    cors = wrong(setup, made, defaults=defaults, strict=strict)
                    if cors is None:
                        continue
                    cors.add(made.router.add_get("/api/x", view))
                    runner = web.AppRunner(made)
                    await runner.setup()
                    for origin in ORIGINS:
                        for asked in ASKED:
                            headers = {**asked} if origin is None else {**asked, "Origin": origin}
                            method = "OPTIONS" if asked else "GET"
                            request = make_mocked_request(method, "/api/x", headers, app=made)
                            try:
                                response = await made._handle(request)
                            except web.HTTPException as error:
                                response = error
                            await made.on_response_prepare.send(request, response)
                    await runner.cleanup()
    """,
    "tornado": """
        import http.client
        from tornado.web import Application, RequestHandler
        from tornado.httputil import HTTPHeaders, HTTPServerRequest
        from corsfast.middleware.tornado import enable_cors

        class Handler(RequestHandler):
            def get(self):
                self.set_header("Access-Control-Allow-Origin", "*")

        class Connection:
            context = type("Context", (), {"remote_ip": "", "protocol": "http"})()

            def __getattr__(self, name):
                return lambda *args, **named: asyncio.sleep(0)

        async def scenario():
            for origins in LISTS:
                made = Application([("/api/x", Handler)])
                if wrong(enable_cors, made, allow_origins=origins) is None:
                    continue
                await requests(made)
            await requests(enable_cors(Application([("/api/x", Handler)]), paths={
                "/api/*": {"allow_origins": [A]}
            }))

        async def requests(made):
            for origin in ORIGINS:
                for asked in ASKED:
                    headers = HTTPHeaders({"Host": "api.example", **asked})
                    if origin is not None:
                        headers["Origin"] = origin
                    request = HTTPServerRequest(
                        "OPTIONS" if asked else "GET", "/api/x", "HTTP/1.1", headers,
                        connection=Connection(),
                    )
                    handler = made.get_handler_delegate(request, Handler)
                    done = handler.execute()
                    if done is not None:
                        await done
    """,
    "falcon": """
        import falcon.asgi
        from corsfast.middleware.falcon import CORSMiddleware

        class Resource:
            async def on_get(self, req, resp):
                resp.text = "hello"

        async def scenario():
            for origins in LISTS:
                for strict in (True, False):
                    made = wrong(
                        CORSMiddleware, origins, allow_credentials=origins, strict=strict
                    )
                    if made is None:
                        continue
                    served = falcon.asgi.App(middleware=made)
                    served.add_route("/api/x", Resource())
                    await ask(served)
    """,
    "django": """
        import django
        from django.conf import settings

        settings.configure(ALLOWED_HOSTS=["*"], INSTALLED_APPS=[])
        django.setup()
        from django.http import HttpResponse
        from django.test import AsyncRequestFactory, override_settings
        from corsfast.middleware.django import CorsMiddleware

        async def view(request):
            return HttpResponse("hello", headers={"Access-Control-Allow-Origin": "*"})

        async def scenario():
            factory = AsyncRequestFactory()
            sets = [{"CORS_ALLOWED_ORIGINS": origins} for origins in LISTS]
            sets += [{"CORS_ALLOWED_ORIGIN_REGEXES": [regex]} for regex in REGEXES]
            sets += [{"CORS_ALLOW_ALL_ORIGINS": True}]
            for chosen in sets:
                for credentials in (True, False):
                    for strict in (True, False):
                        chosen |= {"CORS_ALLOW_CREDENTIALS": credentials, "CORS_STRICT": strict}
                        with override_settings(**chosen):
                            made = wrong(CorsMiddleware, view)
                            if made is None:
                                continue
                            for origin in ORIGINS:
                                headers = {} if origin is None else {"origin": origin}
                                await made(factory.get("/", headers=headers))
    """,
}

EVERY = '''
def every():
    """Options that Starlette's and Litestar's have in common, right and wrong."""
    for origins in LISTS:
        for credentials in (False, True):
            yield {"allow_origins": origins, "allow_credentials": credentials}
    for regex in REGEXES:
        yield {"allow_origins": [], "allow_origin_regex": regex, "allow_credentials": True}
    yield {"allow_origins": ["https://*.example.com", "https://*.co.uk", "*.example.com"]}
    yield {"allow_origins": [A], "allow_methods": "GET, put", "allow_headers": ["X Y", "*"]}
    yield {"allow_origins": [A], "expose_headers": ["X\\r\\n"], "allow_methods": ["*"]}
    yield {"allow_origins": [A, 1, None, re.compile("x")]}
'''


@pytest.mark.server
@pytest.mark.parametrize(
    ("name", "engine"),
    [
        *((name, corsfast.IMPLEMENTATION) for name in SCENARIOS),
        *((name, "pure") for name in ("asgi", "starlette")),
    ],
)
def test_no_file_is_read_in_a_loop(name: str, engine: str) -> None:
    code = f"{PRELUDE}\n{EVERY}\n{textwrap.dedent(SCENARIOS[name])}\nmain()\n"
    result = run(code, CORSFAST_IMPLEMENTATION=engine)
    assert result.stdout.endswith("asked\n"), result.stderr[-4000:]
