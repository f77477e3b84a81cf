"""The applications under load: one view, with no CORS, the framework's own, or corsfast.

    uvicorn loading.apps:starlette_own        gunicorn loading.apps:flask_corsfast

An attribute ``FRAMEWORK_WAY`` is made when a server asks for it, because a process can hold
only one Django. Every way has the same policy.

Place in the flow: the left end; servers.py starts servers on it. Never: know who asks.
"""

from __future__ import annotations

import importlib.util
from typing import Any

ORIGIN = "https://app.example.com"
METHODS = ["GET", "PUT", "DELETE"]
HEADERS = ["Authorization", "X-Request-Id", "X-Token"]
EXPOSED = ["X-Total"]
BODY = {"message": "hello"}

POLICY: dict[str, Any] = {
    "allow_origins": [ORIGIN],
    "allow_methods": METHODS,
    "allow_headers": HEADERS,
    "expose_headers": EXPOSED,
    "allow_credentials": True,
}

# Where corsfast has a drop-in for the framework's own, that is a way of its own.
DROP_INS = {
    "starlette": "corsfast.middleware.starlette",
    "fastapi": "corsfast.middleware.starlette",
    "flask": "corsfast.middleware.flask",
    "django": "corsfast.middleware.django",
}
ASGI = ("starlette", "fastapi")  # the others are WSGI


def ways(framework: str) -> list[str]:
    """The ways to have CORS in a framework, the way without first."""
    found = importlib.util.find_spec(DROP_INS[framework]) is not None
    return ["none", "own", "corsfast", *(["drop-in"] if found else [])]


def starlette(way: str) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def view(_request: Request) -> JSONResponse:
        return JSONResponse(BODY)

    return with_asgi(Starlette(routes=[Route("/", view)]), way)


def fastapi(way: str) -> Any:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/")
    async def view() -> dict[str, str]:
        return BODY

    return with_asgi(app, way)


def with_asgi(app: Any, way: str) -> Any:
    if way == "own":
        from starlette.middleware.cors import CORSMiddleware as Own

        app.add_middleware(Own, **POLICY)
    elif way == "drop-in":
        from corsfast.middleware.starlette import CORSMiddleware as DropIn

        app.add_middleware(DropIn, **POLICY)
    elif way == "corsfast":
        from corsfast.middleware.asgi import CORSMiddleware

        return CORSMiddleware(app, **POLICY)
    return app


def flask(way: str) -> Any:
    from flask import Flask

    app = Flask("load")

    @app.get("/")
    def view() -> dict[str, str]:
        return BODY

    options: dict[str, Any] = {
        "origins": [ORIGIN],
        "methods": METHODS,
        "allow_headers": HEADERS,
        "expose_headers": EXPOSED,
        "supports_credentials": True,
    }
    if way == "own":
        from flask_cors import CORS as OWN

        OWN(app, **options)
    elif way == "drop-in":
        from corsfast.middleware.flask import CORS

        CORS(app, **options)
    elif way == "corsfast":
        from corsfast.middleware.wsgi import CORSMiddleware

        return CORSMiddleware(app, **POLICY)
    return app


def django(way: str) -> Any:
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, JsonResponse
    from django.urls import path

    def view(_request: HttpRequest) -> JsonResponse:
        return JsonResponse(BODY)

    cors_apps, cors_middleware = {
        "own": (["corsheaders"], ["corsheaders.middleware.CorsMiddleware"]),
        "drop-in": (
            ["corsfast.middleware.django"],
            ["corsfast.middleware.django.CorsMiddleware"],
        ),
    }.get(way, ([], []))
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=(path("", view),),  # hashable, unlike a list
        SECRET_KEY="of no use here",
        INSTALLED_APPS=cors_apps,
        # Those of a new project that concern every request, without sessions.
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            *cors_middleware,
            "django.middleware.common.CommonMiddleware",
        ],
        CORS_ALLOWED_ORIGINS=[ORIGIN],
        CORS_ALLOW_METHODS=METHODS,
        CORS_ALLOW_HEADERS=HEADERS,
        CORS_EXPOSE_HEADERS=EXPOSED,
        CORS_ALLOW_CREDENTIALS=True,
    )
    app = get_wsgi_application()
    if way == "corsfast":
        from corsfast.middleware.wsgi import CORSMiddleware

        return CORSMiddleware(app, **POLICY)
    return app


FRAMEWORKS = {"starlette": starlette, "fastapi": fastapi, "flask": flask, "django": django}


def __getattr__(name: str) -> Any:
    framework, _, way = name.partition("_")
    if framework not in FRAMEWORKS or not way:
        raise AttributeError(name)
    app = FRAMEWORKS[framework](way.replace("_", "-"))
    globals()[name] = app  # one application, however often a server asks
    return app
