"""CORS for aiohttp, in place of aiohttp-cors: for each route and origin.

    cors = setup(app, defaults={"https://app.example.com": ResourceOptions(allow_headers="*")})
    cors.add(app.router.add_get("/items", items))

    options --add--> CorsConfig --answers--> fields on a response
                         \\--preflight--> an answer, or 403 and a sentence

Place in the flow: Policy -> headers on a response.
Never: touch a route that was not added; raise for anything that a request holds.
"""

from __future__ import annotations

from .config import CorsConfig, setup
from .options import ResourceOptions
from .view import APP_CONFIG_KEY, CorsViewMixin, custom_cors

__all__ = [
    "APP_CONFIG_KEY",
    "CorsConfig",
    "CorsViewMixin",
    "ResourceOptions",
    "custom_cors",
    "setup",
]
