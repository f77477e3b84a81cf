"""`corsfast check module:app`: applications with one fault, and their repaired twins.

The applications of a framework share a process, except for Django's, which has one configuration
per process.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from corsfast._cli.apps.load import names_application

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]

STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.middleware.cors import CORSMiddleware as Peer
from corsfast.middleware.asgi import CORSMiddleware
from corsfast.middleware.starlette import CORSMiddleware as DropIn, install

ORIGINS = ["https://app.example.com"]

class Login:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            if not any(name == b"authorization" for name, _ in scope["headers"]):
                return await PlainTextResponse("", 401)(scope, receive, send)
        await self.app(scope, receive, send)

async def item(request):
    raise AssertionError("a handler was called")

async def live(websocket):
    await websocket.accept()

routes = [Route("/items/{id:int}", item, methods=["GET", "PUT"])]
"""
FASTAPI = """
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware.sessions import SessionMiddleware
from corsfast.middleware.starlette import install

ORIGINS = ["https://app.example.com"]
app = FastAPI()
router = APIRouter()

@router.put("/items/{id}")
def put(id: int):
    raise AssertionError("a handler was called")

app.include_router(router, prefix="/v1")
"""
FLASK = """
from flask import Flask, abort, request
from corsfast.middleware.flask import install
from corsfast.middleware.wsgi import CORSMiddleware
import corsfast.middleware.flask, flask_cors

ORIGINS = ["https://app.example.com"]
app = Flask(__name__)

@app.route("/items/<int:id>", methods=["GET", "PUT"])
def item(id):
    raise AssertionError("a handler was called")
"""
DJANGO = """
from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path, re_path
from django.views import View
from django.views.decorators.http import require_http_methods

def login(get_response):
    def middleware(request):
        if "HTTP_AUTHORIZATION" not in request.META:
            return HttpResponse(status=401)
        return get_response(request)
    return middleware

class Item(View):
    def get(self, request, pk):
        raise AssertionError("a handler was called")
    put = get

@require_http_methods(["POST"])
def search(request):
    raise AssertionError("a handler was called")

urlpatterns = [
    path("items/", include([path("<uuid:pk>/", Item.as_view())])),
    re_path(r"^search/(?P<year>[0-9]{4})$", search),
]

def configure(middleware, **cors):
    given = {"CORS_ALLOWED_ORIGINS": ["https://app.example.com"], **cors}
    settings.configure(
        ALLOWED_HOSTS=[".example.com"], SECRET_KEY="x", ROOT_URLCONF=__name__,
        SECURE_SSL_REDIRECT=True, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        INSTALLED_APPS=["corsheaders"], MIDDLEWARE=middleware, **given,
    )
    import django
    django.setup()

SECURITY = "django.middleware.security.SecurityMiddleware"
PEER = "corsheaders.middleware.CorsMiddleware"
OURS = "corsfast.middleware.django.CorsMiddleware"
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
"""
LITESTAR = """
from litestar import Litestar, WebSocket, get, put, websocket
from litestar.config.cors import CORSConfig
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from corsfast.middleware.asgi import CORSMiddleware
from corsfast.middleware.litestar import CORSConfig as OurConfig, CORSPlugin

ORIGINS = ["https://app.example.com"]

@get("/items/{id:int}")
async def item(id: int) -> int:
    raise AssertionError("a handler was called")

@put("/items/{id:int}")
async def change(id: int) -> int:
    raise AssertionError("a handler was called")

class Login:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if not any(name == b"authorization" for name, _ in scope.get("headers", ())):
            await send({"type": "http.response.start", "status": 401, "headers": []})
            return await send({"type": "http.response.body", "body": b""})
        await self.app(scope, receive, send)
"""
AIOHTTP = """
from aiohttp import web
import aiohttp_cors, corsfast.middleware.aiohttp as ours

@web.middleware
async def login(request, handler):
    if "Authorization" not in request.headers:
        raise web.HTTPUnauthorized()
    return await handler(request)

async def item(request):
    raise AssertionError("a handler was called")

def make(cors, *middlewares, **options):
    app = web.Application(middlewares=middlewares)
    defaults = {"https://app.example.com": cors.ResourceOptions(**options)}
    config = cors.setup(app, defaults=defaults)
    config.add(app.router.add_get("/items/{id}", item))
    config.add(app.router.add_put("/items/{id}", item))
    return app
"""


class Case(NamedTuple):
    """An application with one fault.

    Attributes:
        source: what every case of a framework begins with.
        faulty: the rest of the application.
        repaired: the same without the fault.
        found: the code, the option and the entry of the only finding.
        level: ``problems`` or ``warnings``.
    """

    source: str
    faulty: str
    repaired: str
    found: tuple[str, str, str]
    level: str = "problems"


BLOCKED, NO_METHOD = "preflight-answered-outside", "route-method-not-allowed"
NO_ROUTE, NO_HEADER = "method-without-route", "security-header-not-allowed"
TWO, ON_ERROR = "two-cors-layers", "error-without-cors"
SOCKET, UNUSED = "websocket-without-origin-check", "credentials-without-use"
COOKIE, TOKEN = "cookie-without-cross-site-check", "token-beside-cross-site"

STACK = "app = {}(Starlette(routes=routes), allow_origins=ORIGINS, allow_methods=['GET', {}])"
SECURE = 'configure([SECURITY, {}], CORS_ALLOW_METHODS=["GET", "POST", {}])\napp = get_{}()'
SUBAPP = """
inner = Starlette(routes=routes)
{}inner.add_middleware(Peer, allow_origins=ORIGINS, allow_methods=["GET", "PUT"])
app = CORSMiddleware(
    Starlette(routes=[Mount("/v1", inner)]), allow_origins=ORIGINS, allow_methods=["PUT"])
"""
SCHEME = """
@app.get("/me")
def me(key=Depends({})): ...
install(app, allow_origins=ORIGINS, allow_methods=["PUT"], allow_headers=["{}"])
"""
LITESTAR_SCHEME = """
app = Litestar([item], openapi_config=OpenAPIConfig(
    "shop", "1", security=[{{"token": []}}],
    components=Components(security_schemes={{"token": SecurityScheme("http", scheme="bearer")}}),
), cors_config=CORSConfig(allow_origins=ORIGINS, allow_methods=["GET"], allow_headers=[{}]))
"""
LIVE = """
app.add_middleware(SessionMiddleware, secret_key="x")
@app.websocket("/live")
async def live(websocket: WebSocket):
    await websocket.accept()
    {}
install(app, allow_origins=ORIGINS, allow_methods=["PUT"], websockets="{}")
"""
LOGIN = """
@app.middleware("http")
async def login(request, call_next):
    if "authorization" not in request.headers:
        return JSONResponse({{}}, 401)
    return await call_next(request)
{}
"""
PEER_OF_FASTAPI = (
    "app.add_middleware(CORSMiddleware, allow_origins=ORIGINS, allow_methods=['GET', 'PUT'])"
)
INSTALL = "install(app, allow_origins=ORIGINS, allow_methods=['PUT'])"
BEFORE = """
{}.CORS(app, origins=ORIGINS, methods=["GET", "PUT"])
@app.before_request
def login():
    if {}"Authorization" not in request.headers: abort(401)
"""
COOKIES = """
from starlette.middleware.sessions import SessionMiddleware
inner = SessionMiddleware(
    Starlette(routes=routes), secret_key="x", same_site="{}", https_only=True)
app = {}(inner, allow_origins=ORIGINS, allow_methods=["GET", "PUT"], cross_site="{}")
"""
FLASK_COOKIES = """
app.secret_key = "x"
app.config["SESSION_COOKIE_SAMESITE"] = "None"
{}
"""
TOKENS = """
class CSRFMiddleware(Login):
    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
app = CORSMiddleware({}Starlette(routes=routes){}, allow_origins=ORIGINS,
                     allow_methods=["PUT"], cross_site="refuse")
"""
DJANGO_COOKIES = """
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
TOKENS = "django.middleware.csrf.CsrfViewMiddleware"
configure([OURS, SESSIONS{}], CORS_ALLOW_METHODS=["GET", "POST", "PUT"],
          SESSION_COOKIE_SAMESITE="None"{})
app = get_wsgi_application()
"""
LITESTAR_COOKIES = """
from starlette.middleware.sessions import SessionMiddleware
plugin = CORSPlugin(OurConfig(ORIGINS, ["PUT"]){})
app = SessionMiddleware(Litestar([change], plugins=[plugin]), "x", same_site="none")
"""
ENDPOINT = """
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles
class Item(HTTPEndpoint):
    get = put = item
hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["*.example.com"])
routes = [Route("/items/{{id:int}}", Item), Mount("/files", StaticFiles(directory="."))]
app = CORSMiddleware(Starlette(routes=routes, middleware=[hosts]),
                     allow_origins=ORIGINS, allow_methods=[{}])
"""
OF_ROUTE = """
from starlette.middleware import Middleware
cors = {{"allow_origins": ORIGINS, "allow_methods": ["PUT"]}}
inside = [Middleware({})]
app = Starlette(routes=[Route("/items", item, methods=["PUT", "OPTIONS"], middleware=inside)])
"""
LITESTAR_MOUNT = """
from typing import Any
from litestar import asgi
@asgi("/legacy", is_mount=True)
async def legacy(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("a handler was called")
app = Litestar([item, change, legacy], cors_config=CORSConfig(ORIGINS, {}))
"""
REFUSING = ', CORS_CROSS_SITE="refuse"'
LITESTAR_APP = "Litestar([item, change], cors_config=CORSConfig(ORIGINS, {}))"

CASES = {
    "starlette-blocked": Case(
        STARLETTE,
        STACK.format("Login(CORSMiddleware", "'PUT'") + ")",
        "app = CORSMiddleware(Login(Starlette(routes=routes)), allow_origins=ORIGINS,"
        " allow_methods=['PUT'])",
        (BLOCKED, "shop.Login", "OPTIONS /items/{id:int}"),
    ),
    "django-wsgi-blocked": Case(
        DJANGO,
        SECURE.format("'shop.login', PEER", '"PUT"', "wsgi_application"),
        SECURE.format("PEER, 'shop.login'", '"PUT"', "wsgi_application"),
        (BLOCKED, "shop.login", "OPTIONS /items/<uuid:pk>/"),
    ),
    "django-asgi-blocked": Case(
        DJANGO,
        SECURE.format("'shop.login', OURS", '"PUT"', "asgi_application"),
        SECURE.format("OURS, 'shop.login'", '"PUT"', "asgi_application"),
        (BLOCKED, "shop.login", "OPTIONS /items/<uuid:pk>/"),
    ),
    "flask-blocked": Case(
        FLASK,
        BEFORE.format("flask_cors", ""),
        BEFORE.format("flask_cors", 'request.method != "OPTIONS" and '),
        (BLOCKED, "shop.login", "OPTIONS /items/<int:id>"),
    ),
    "flask-wsgi-blocked": Case(
        FLASK,
        """
def login(inner):
    def wsgi(environ, start_response):
        if "HTTP_AUTHORIZATION" in environ:
            return inner(environ, start_response)
        start_response("401 Unauthorized", [])
        return []
    return wsgi
install(app, allow_origins=ORIGINS, allow_methods=["PUT"])
app.wsgi_app = login(app.wsgi_app)
""",
        'install(app, allow_origins=ORIGINS, allow_methods=["PUT"])',
        (BLOCKED, "shop.login", "OPTIONS /items/<int:id>"),
    ),
    "litestar-blocked": Case(
        LITESTAR,
        f"app = Login({LITESTAR_APP.format(['GET', 'PUT'])})",
        f"app = {LITESTAR_APP.format(['GET', 'PUT'])}",
        (BLOCKED, "shop.Login", "OPTIONS /items/{id:int}"),
    ),
    "aiohttp-blocked": Case(
        AIOHTTP,
        "app = make(aiohttp_cors, login)",
        "app = make(aiohttp_cors)",
        (BLOCKED, "shop.login", "OPTIONS /items/{id}"),
    ),
    "aiohttp-drop-in-blocked": Case(
        AIOHTTP,
        "app = make(ours, login)",
        "app = make(ours)",
        (BLOCKED, "shop.login", "OPTIONS /items/{id}"),
    ),
    "fastapi-error": Case(
        FASTAPI,
        PEER_OF_FASTAPI,
        INSTALL,
        (ON_ERROR, "starlette.middleware.cors.CORSMiddleware", ""),
        "warnings",
    ),
    "starlette-drop-in-error": Case(
        STARLETTE,
        "app = Starlette(routes=routes)\n"
        "app.add_middleware(DropIn, allow_origins=ORIGINS, allow_methods=['GET', 'PUT'])",
        "app = DropIn(Starlette(routes=routes), ORIGINS, ['GET', 'PUT'])",
        (ON_ERROR, "corsfast.middleware.starlette.CORSMiddleware", ""),
        "warnings",
    ),
    "starlette-method": Case(
        STARLETTE,
        STACK.format("Peer", "'GET'"),
        STACK.format("Peer", "'PUT'"),
        (NO_METHOD, "allow_methods", "PUT"),
    ),
    "starlette-endpoint-method": Case(
        STARLETTE,
        ENDPOINT.format("'GET'"),
        ENDPOINT.format("'PUT'"),
        (NO_METHOD, "allow_methods", "PUT"),
    ),
    "starlette-route-error": Case(
        STARLETTE,
        OF_ROUTE.format("CORSMiddleware, **cors"),
        OF_ROUTE.format("Login") + "app = CORSMiddleware(app, **cors)",
        (ON_ERROR, "corsfast.middleware.asgi.CORSMiddleware", ""),
        "warnings",
    ),
    "fastapi-method": Case(
        FASTAPI,
        "install(app, allow_origins=ORIGINS)",
        INSTALL,
        (NO_METHOD, "allow_methods", "PUT"),
    ),
    "fastapi-path-method": Case(
        FASTAPI,
        "install(app, paths={'/v1/*': {'allow_origins': ORIGINS}})",
        "install(app, paths={'/v1/*': {'allow_origins': ORIGINS, 'allow_methods': ['PUT']}})",
        (NO_METHOD, "paths['/v1/*'].allow_methods", "PUT"),
    ),
    "flask-method": Case(
        FLASK,
        "flask_cors.CORS(app, origins=ORIGINS, methods=['GET'])",
        "flask_cors.CORS(app, origins=ORIGINS)",
        (NO_METHOD, "methods", "PUT"),
    ),
    "flask-default-method": Case(
        FLASK,
        "flask_cors.CORS(app, methods=['GET'])",
        "flask_cors.CORS(app)",
        (NO_METHOD, "methods", "PUT"),
    ),
    "flask-drop-in-path-method": Case(
        FLASK,
        "corsfast.middleware.flask.CORS(app, resources={'/items/*': {'origins': ORIGINS,"
        " 'methods': ['GET']}})",
        "corsfast.middleware.flask.CORS(app, resources={'/items/*': {'origins': ORIGINS}})",
        (NO_METHOD, "resources['/items/*'].methods", "PUT"),
    ),
    "django-method": Case(
        DJANGO,
        SECURE.format("PEER", "", "wsgi_application"),
        SECURE.format("PEER", '"PUT"', "wsgi_application"),
        (NO_METHOD, "CORS_ALLOW_METHODS", "PUT"),
    ),
    "litestar-method": Case(
        LITESTAR,
        f"app = {LITESTAR_APP.format(['GET'])}",
        f"app = {LITESTAR_APP.format(['GET', 'PUT'])}",
        (NO_METHOD, "allow_methods", "PUT"),
    ),
    "litestar-mount-method": Case(
        LITESTAR,
        LITESTAR_MOUNT.format(["GET"]),
        LITESTAR_MOUNT.format(["GET", "PUT", "PATCH"]),  # the mounted application may take PATCH
        (NO_METHOD, "allow_methods", "PUT"),
    ),
    "litestar-plugin-method": Case(
        LITESTAR,
        "app = Litestar([change], plugins=[CORSPlugin(OurConfig(ORIGINS, ['GET']))])",
        "app = Litestar([change], plugins=[CORSPlugin(OurConfig(ORIGINS, ['PUT']))])",
        (NO_METHOD, "allow_methods", "PUT"),
    ),
    "starlette-route": Case(
        STARLETTE,
        STACK.format("Peer", "'PUT', 'PATCH'"),
        STACK.format("Peer", "'PUT'"),
        (NO_ROUTE, "allow_methods", "PATCH"),
        "warnings",
    ),
    "flask-route": Case(
        FLASK,
        "flask_cors.CORS(app, origins=ORIGINS, methods=['PUT', 'PATCH'])",
        "flask_cors.CORS(app, origins=ORIGINS, methods=['GET', 'PUT'])",
        (NO_ROUTE, "methods", "PATCH"),
        "warnings",
    ),
    "django-route": Case(
        DJANGO,
        SECURE.format("OURS", '"PUT", "DELETE"', "wsgi_application"),
        SECURE.format("OURS", '"PUT"', "wsgi_application"),
        (NO_ROUTE, "CORS_ALLOW_METHODS", "DELETE"),
        "warnings",
    ),
    "fastapi-bearer": Case(
        FASTAPI,
        SCHEME.format("HTTPBearer()", "X-Other"),
        SCHEME.format("HTTPBearer()", "Authorization"),
        (NO_HEADER, "allow_headers", "Authorization"),
    ),
    "fastapi-star-bearer": Case(
        FASTAPI,
        SCHEME.format("HTTPBearer()", "*"),
        SCHEME.format("HTTPBearer()", "Authorization"),
        (NO_HEADER, "allow_headers", "Authorization"),
    ),
    "fastapi-api-key": Case(
        FASTAPI,
        SCHEME.format("APIKeyHeader(name='X-Key')", "X-Other"),
        SCHEME.format("APIKeyHeader(name='X-Key')", "X-Key"),
        (NO_HEADER, "allow_headers", "X-Key"),
    ),
    "litestar-bearer": Case(
        LITESTAR,
        LITESTAR_SCHEME.format("'X-Other'"),
        LITESTAR_SCHEME.format("'Authorization'"),
        (NO_HEADER, "allow_headers", "Authorization"),
    ),
    "starlette-mount-two": Case(
        STARLETTE,
        SUBAPP.format(""),
        SUBAPP.format("# "),
        (
            TWO,
            "corsfast.middleware.asgi.CORSMiddleware",
            "starlette.middleware.cors.CORSMiddleware",
        ),
    ),
    "flask-two": Case(
        FLASK,
        "flask_cors.CORS(app, origins=ORIGINS)\n"
        "app.wsgi_app = CORSMiddleware(app.wsgi_app, allow_origins=ORIGINS, allow_methods=['PUT'])",
        "install(app, allow_origins=ORIGINS, allow_methods=['PUT'])",
        (TWO, "corsfast.middleware.wsgi.CORSMiddleware", "CORS"),
    ),
    "django-two": Case(
        DJANGO,
        SECURE.format("PEER, OURS", '"PUT"', "wsgi_application"),
        SECURE.format("PEER", '"PUT"', "wsgi_application"),
        (
            TWO,
            "corsheaders.middleware.CorsMiddleware",
            "corsfast.middleware.django.middleware.CorsMiddleware",
        ),
    ),
    "fastapi-websocket": Case(
        FASTAPI,
        LIVE.format("pass", "pass"),
        LIVE.format("pass", "check"),
        (SOCKET, "websocket", "/live"),
    ),
    "fastapi-websocket-in-handler": Case(
        FASTAPI,
        LIVE.format("pass", "pass"),
        LIVE.format("assert websocket.headers['origin'] in ORIGINS", "pass"),
        (SOCKET, "websocket", "/live"),
    ),
    "starlette-websocket": Case(
        STARLETTE,
        "routes.append(WebSocketRoute('/live', live))\n" + STACK.format("DropIn", "'PUT'"),
        "routes.append(WebSocketRoute('/live', live))\n" + STACK.format("CORSMiddleware", "'PUT'"),
        (SOCKET, "websocket", "/live"),
        "warnings",
    ),
    "litestar-websocket": Case(
        LITESTAR,
        """
@websocket("/live")
async def live(socket: WebSocket) -> None:
    await socket.accept()
app = Litestar([item, live], cors_config=CORSConfig(ORIGINS, ["GET"]))
""",
        """
@websocket("/live")
async def live(socket: WebSocket) -> None:
    await socket.accept()
app = CORSMiddleware(Litestar([item, live]), allow_origins=ORIGINS)
""",
        (SOCKET, "websocket", "/live"),
        "warnings",
    ),
    "fastapi-credentials": Case(
        FASTAPI,
        INSTALL.replace(")", ", allow_credentials=True)"),
        INSTALL.replace(")", ", allow_credentials=True)")
        + "\napp.add_middleware(SessionMiddleware, secret_key='x')",
        (UNUSED, "allow_credentials", ""),
        "warnings",
    ),
    "flask-credentials": Case(
        FLASK,
        "flask_cors.CORS(app, origins=ORIGINS, supports_credentials=True)",
        "flask_cors.CORS(app, origins=ORIGINS, supports_credentials=True)\napp.secret_key = 'x'",
        (UNUSED, "supports_credentials", ""),
        "warnings",
    ),
    "django-credentials": Case(
        DJANGO,
        "configure([SECURITY, OURS], CORS_ALLOW_CREDENTIALS=True)\napp = get_wsgi_application()",
        "configure([SECURITY, OURS, 'django.contrib.sessions.middleware.SessionMiddleware'],"
        " CORS_ALLOW_CREDENTIALS=True)\napp = get_wsgi_application()",
        (UNUSED, "CORS_ALLOW_CREDENTIALS", ""),
        "warnings",
    ),
    "aiohttp-credentials": Case(
        AIOHTTP,
        "app = make(ours, allow_credentials=True)",
        "app = make(ours)",
        (UNUSED, "allow_credentials", ""),
        "warnings",
    ),
    "starlette-cookie": Case(
        STARLETTE,
        COOKIES.format("none", "CORSMiddleware", "allow"),
        COOKIES.format("none", "CORSMiddleware", "refuse"),
        (COOKIE, "same_site", "None"),
    ),
    "starlette-drop-in-cookie": Case(
        STARLETTE,
        COOKIES.format("None", "DropIn", "allow"),
        COOKIES.format("None", "DropIn", "report"),
        (COOKIE, "same_site", "None"),
    ),
    "starlette-lax-cookie": Case(
        STARLETTE,
        COOKIES.format("none", "CORSMiddleware", "allow"),
        COOKIES.format("lax", "CORSMiddleware", "allow"),
        (COOKIE, "same_site", "None"),
    ),
    "flask-cookie": Case(
        FLASK,
        FLASK_COOKIES.format("install(app, allow_origins=ORIGINS, allow_methods=['PUT'])"),
        FLASK_COOKIES.format(
            "install(app, allow_origins=ORIGINS, allow_methods=['PUT'], cross_site='refuse')"
        ),
        (COOKIE, "SESSION_COOKIE_SAMESITE", "None"),
    ),
    "flask-drop-in-cookie": Case(
        FLASK,
        FLASK_COOKIES.format("corsfast.middleware.flask.CORS(app, origins=ORIGINS)"),
        FLASK_COOKIES.format(
            "corsfast.middleware.flask.CORS(app, origins=ORIGINS, cross_site='refuse')"
        ),
        (COOKIE, "SESSION_COOKIE_SAMESITE", "None"),
    ),
    "flask-token-cookie": Case(
        FLASK,
        FLASK_COOKIES.format("flask_cors.CORS(app, origins=ORIGINS)"),
        FLASK_COOKIES.format(
            "flask_cors.CORS(app, origins=ORIGINS)\napp.extensions['csrf'] = object()"
        ),
        (COOKIE, "SESSION_COOKIE_SAMESITE", "None"),
    ),
    "django-cookie": Case(
        DJANGO,
        DJANGO_COOKIES.format("", ""),
        DJANGO_COOKIES.format("", REFUSING),
        (COOKIE, "SESSION_COOKIE_SAMESITE", "None"),
    ),
    "django-token-cookie": Case(
        DJANGO,
        DJANGO_COOKIES.format("", ""),
        DJANGO_COOKIES.format(", TOKENS", ""),
        (COOKIE, "SESSION_COOKIE_SAMESITE", "None"),
    ),
    "django-exempt-cookie": Case(
        DJANGO,
        "search.csrf_exempt = True\n" + DJANGO_COOKIES.format(", TOKENS", ""),
        DJANGO_COOKIES.format(", TOKENS", ""),
        (COOKIE, "SESSION_COOKIE_SAMESITE", "None"),
    ),
    "django-tokens": Case(
        DJANGO,
        DJANGO_COOKIES.format(", TOKENS", REFUSING),
        DJANGO_COOKIES.format("", REFUSING),
        (TOKEN, "django.middleware.csrf.CsrfViewMiddleware", ""),
        "warnings",
    ),
    "starlette-tokens": Case(
        STARLETTE,
        TOKENS.format("CSRFMiddleware(", ")"),
        TOKENS.format("", ""),
        (TOKEN, "shop.CSRFMiddleware", ""),
        "warnings",
    ),
    "litestar-cookie": Case(
        LITESTAR,
        LITESTAR_COOKIES.format(""),
        LITESTAR_COOKIES.format(', cross_site="refuse"'),
        (COOKIE, "same_site", "None"),
    ),
}


# Check each of the modules that are named, and print a report for each.
RUN_ALL = """
import contextlib, io, json, sys
from corsfast.__main__ import main
found = {}
for name in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        status = main(["check", "--json", f"{name}:app"])
    found[name] = [status, printed.getvalue()]
print(json.dumps(found))
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def named(name: str, twin: str) -> str:
    return f"{twin}_{name.replace('-', '_')}"


@pytest.fixture(scope="session")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], dict[str, Any]]:
    """Return a function that gives the report of a case."""
    folder = tmp_path_factory.mktemp("applications")
    batches: dict[str, list[str]] = {}
    batch_of = {}
    for name, case in CASES.items():
        for twin, text in (("faulty", case.faulty), ("repaired", case.repaired)):
            module = named(name, twin)
            source = case.source + text.replace("'shop.", f"'{module}.")
            (folder / f"{module}.py").write_text(source, "utf-8")
            batch_of[module] = module if case.source is DJANGO else case.source
            batches.setdefault(batch_of[module], []).append(module)

    @cache
    def batch(key: str) -> dict[str, Any]:
        done = run(folder, "-c", RUN_ALL, *batches[key])
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def report(name: str, twin: str) -> dict[str, Any]:
        module = named(name, twin)
        status, text = batch(batch_of[module])[module]
        found: dict[str, Any] = json.loads(text.replace(f"{module}.", "shop."))
        assert status == bool(found["problems"])
        return found

    return report


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_reported_alone(name: str, checked: Any) -> None:
    found, case = checked(name, "faulty"), CASES[name]
    (finding,) = found["problems"] + found["warnings"]
    assert (finding["code"], finding["option"], finding["entry"]) == case.found
    assert found[case.level] == [finding]


@pytest.mark.parametrize("name", CASES)
def test_a_repaired_twin_is_silent(name: str, checked: Any) -> None:
    found = checked(name, "repaired")
    assert found["problems"] + found["warnings"] == []


def test_handlers_of_options_are_not_called(tmp_path: Path) -> None:
    source = (
        STARLETTE
        + """
async def options(request):
    open("called", "w").close()
    return PlainTextResponse("")
routes = [Route("/open", item), Route("/{rest:path}", options, methods=["OPTIONS"])]
paths = {"/closed": None, "/open": {"allow_origins": ORIGINS}}
routes.append(Route("/closed", item, methods=["PUT"]))
app = CORSMiddleware(Starlette(routes=routes), paths=paths)
"""
    )
    flask = (
        FLASK
        + """
@app.route("/own", methods=["GET", "OPTIONS"])
def own():
    open("called", "w").close()
    return ""
flask_cors.CORS(app, origins=ORIGINS)
"""
    )
    shadowed = (
        STARLETTE
        + """
from starlette.middleware import Middleware
async def options(request):
    open("called", "w").close()
    return PlainTextResponse("")
cors = [Middleware(Peer, allow_origins=ORIGINS, allow_methods=["GET", "PUT"])]
first = Route("/api/{rest:path}", options, methods=["OPTIONS"])
app = Starlette(routes=[first, Mount("/api", routes=routes, middleware=cors)])
"""
    )
    texts = {"one": source, "two": flask, "three": shadowed}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
    done = run(tmp_path, "-c", RUN_ALL, *texts)
    assert [status for status, _ in json.loads(done.stdout).values()] == [0, 0, 0]
    assert not (tmp_path / "called").exists()


def test_a_policy_of_one_host_is_not_blamed(tmp_path: Path) -> None:
    source = (
        STARLETTE
        + """
from starlette.routing import Host
shop = Starlette(routes=routes)
shop.add_middleware(Peer, allow_origins=ORIGINS, allow_methods=["GET", "PUT"])
app = Starlette(routes=[Host("api.example.com", app=shop)])
"""
    )
    (tmp_path / "shop.py").write_text(source, "utf-8")
    done = run(tmp_path, "-m", "corsfast", "check", "--json", "shop:app")
    assert (done.returncode, json.loads(done.stdout)["problems"]) == (0, []), done.stdout


def test_a_layer_that_was_not_started_is_a_warning(tmp_path: Path) -> None:
    source = (
        STARLETTE
        + """
class Cache(Login):
    async def __call__(self, scope, receive, send):
        scope["app"].state.cache
        await self.app(scope, receive, send)
app = Starlette(routes=routes)
app.add_middleware(Peer, allow_origins=ORIGINS, allow_methods=["GET", "PUT"])
app.add_middleware(Cache)
"""
    )
    (tmp_path / "shop.py").write_text(source, "utf-8")
    done = run(tmp_path, "-m", "corsfast", "check", "--json", "shop:app")
    found = json.loads(done.stdout)
    assert (done.returncode, found["problems"]) == (0, []), done.stdout
    assert [each["option"] for each in found["warnings"] if each["code"] == BLOCKED] == [
        "shop.Cache"
    ]


@pytest.mark.parametrize(
    ("source", "rest", "code", "option"),
    [
        (STARLETTE, "Peer(app, ['https://*.example.com'])", "unmatchable-pattern", "allow_origins"),
        (STARLETTE, "DropIn(app, ['https://a.example.com/'])", "trailing-slash", "allow_origins"),
        (STARLETTE, "CORSMiddleware(app, allow_origins=['x'])", "scheme-missing", "allow_origins"),
        (
            STARLETTE,
            "app; app.add_middleware(CORSMiddleware, allow_origins=['x'])",
            "scheme-missing",
            "allow_origins",
        ),
        (
            FLASK,
            "flask_cors.CORS(app, origins=r'https://.*\\.a\\.com')",
            "foreign-origin",
            "origins",
        ),
        (
            LITESTAR,
            "Litestar([item], cors_config=CORSConfig(['https://*example.com'], ['GET']))",
            "foreign-origin",
            "allow_origin_regex",
        ),
        (
            DJANGO,
            "configure([PEER], CORS_ALLOWED_ORIGIN_REGEXES=['https://a[.]example[.]com'])",
            "foreign-origin",
            "CORS_ALLOWED_ORIGIN_REGEXES",
        ),
    ],
    ids=["starlette", "drop-in", "own", "added", "flask", "litestar", "django"],
)
def test_the_policy_is_judged_too(
    source: str, rest: str, code: str, option: str, tmp_path: Path
) -> None:
    lines = {
        STARLETTE: f"app = Starlette(routes=routes)\napp = {rest}",
        LITESTAR: f"app = {rest}",
        FLASK: rest,
        DJANGO: f"{rest}\napp = get_wsgi_application()",
    }
    (tmp_path / "shop.py").write_text(f"{source}\n{lines[source]}\n", "utf-8")
    done = run(tmp_path, "-m", "corsfast", "check", "--json", "shop:app")
    assert done.returncode == 1, done.stderr
    problems = json.loads(done.stdout)["problems"]
    assert (code, option) in [(found["code"], found["option"]) for found in problems]


@pytest.mark.parametrize("library", ["flask_cors", "corsfast.middleware.flask"])
def test_paths_without_cors_are_left_alone(library: str, tmp_path: Path) -> None:
    resources = "{'/items/*': {'origins': ORIGINS}, '/other': {'origins': ORIGINS}}"
    source = (
        FLASK
        + f"""
{library}.CORS(app, resources={resources})
@app.put("/admin")
def admin(): ...
@app.before_request
def login():
    if request.path.startswith("/admin"): abort(401)
"""
    )
    (tmp_path / "shop.py").write_text(source, "utf-8")
    done = run(tmp_path, "-m", "corsfast", "check", "--json", "shop:app")
    assert (done.returncode, json.loads(done.stdout)["warnings"]) == (0, []), done.stdout


def test_a_risk_can_be_tolerated(tmp_path: Path) -> None:
    peer = "app = Peer(Starlette(routes=routes), ['*'], ['GET', 'PUT'], allow_credentials=True)"
    (tmp_path / "shop.py").write_text(f"{STARLETTE}\n{peer}\n", "utf-8")
    command = ("-m", "corsfast", "check", "--json", "shop:app")
    assert run(tmp_path, *command).returncode == 1
    done = run(tmp_path, *command, "--tolerate", "any-origin-with-credentials")
    assert (done.returncode, json.loads(done.stdout)["problems"]) == (0, [])


ERRORS = {
    "none:app": "none cannot be imported (ModuleNotFoundError",
    "shop:ap": "shop has no 'ap'; did you mean shop:app?",
    "shop:app.inner": "shop:app.inner: there is no 'inner'",
    "shop:Login": "shop:Login is the class Login, not an ASGI or WSGI application",
    "shop:ORIGINS": "shop:ORIGINS is list, not an ASGI or WSGI application",
    "shop:make": "shop:make takes no arguments; write shop:make() to call it",
    "shop:fail()": "shop:fail() failed (ValueError: no settings)",
    "shop:app": "shop:app has no CORS layer of corsfast, Starlette, flask-cors",
    "shop:proxy": "shop:proxy cannot be read (RuntimeError: outside of a request)",
    "shop:unstarted()": "RuntimeError: no database",
    "shop:app --tolerate public-suffix --env": "shop:app is an application; check it without",
}


def test_what_cannot_be_checked_is_said(tmp_path: Path) -> None:
    source = (
        STARLETTE
        + """
app = Starlette(routes=routes)
def make():
    return DropIn(app, ORIGINS, ["GET", "PUT"])
def fail():
    raise ValueError("no settings")
class Proxy(Login):
    def __getattr__(self, name):
        raise RuntimeError("outside of a request")
proxy = Proxy(app)
def unstarted():
    from litestar import Litestar
    from corsfast.middleware.litestar import CORSConfig, CORSPlugin
    def connect():
        raise RuntimeError("no database")
    return Litestar([], plugins=[CORSPlugin(CORSConfig(ORIGINS))], on_startup=[connect])
"""
    )
    (tmp_path / "shop.py").write_text(source, "utf-8")
    for arguments, message in ERRORS.items():
        done = run(tmp_path, "-m", "corsfast", "check", *arguments.split())
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert message in done.stderr
    assert run(tmp_path, "-m", "corsfast", "check", "shop:make()").returncode == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop:app", True),
        ("shop.main:create_app()", True),
        ("shop:site.app", True),
        ("main:policy.toml", False),
        ("main:pyproject.TOML", False),
        ("HEAD~1:policy.json", False),
        ("policy.toml", False),
        ("C:/policy.toml", False),
    ],
)
def test_an_application_is_told_from_a_file(text: str, expected: bool) -> None:
    assert names_application(text) is expected


def test_the_document_shows_the_real_output(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "check.md").read_text("utf-8")
    application, printed = re.findall(
        r"^```python\n(.*?)^```$.*?^```console\n\$ corsfast check shop:app\n(.*?)^```$",
        page,
        re.MULTILINE | re.DOTALL,
    )[0]
    (tmp_path / "shop.py").write_text(application, "utf-8")
    done = run(tmp_path, "-m", "corsfast", "check", "shop:app")
    assert (done.returncode, done.stdout) == (1, printed)
