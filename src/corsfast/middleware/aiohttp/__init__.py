"""CORS for aiohttp, by route and origin: a replacement for aiohttp-cors.

    cors = setup(app, defaults={"https://app.example.com": ResourceOptions(allow_headers="*")})
    cors.add(app.router.add_get("/items", items))

    options --add--> CorsConfig --answers--> fields on a response
                         \\--preflight--> a response, or 403 with a reason

Routes that were not added are left alone. Nothing in a request makes this package raise, except
for the 403 of a preflight.
"""

from __future__ import annotations

from .config import APP_CONFIG_KEY, CorsConfig, CorsViewMixin, custom_cors, setup
from .options import ResourceOptions

__all__ = [
    "APP_CONFIG_KEY",
    "CorsConfig",
    "CorsViewMixin",
    "ResourceOptions",
    "custom_cors",
    "setup",
]
