"""Tests of a server as a browser sees it, without a browser.

    browser = Browser("https://app.example.com")
    response = browser.fetch(app, "PUT", "https://api.example.com/items", credentials="include")

`fetch` returns what JavaScript would see, or raises `CORSError` with the reason and the text in the
console of each browser engine. docs/testing.md says what is modeled.
"""

from __future__ import annotations

from ._engines import Step
from ._errors import CORSError, Failure, FetchError, Reason
from ._exchange import Exchange, RawResponse, Request
from ._response import Headers, Response
from .browser import Browser, Options

__all__ = [
    "Browser",
    "CORSError",
    "Exchange",
    "Failure",
    "FetchError",
    "Headers",
    "Options",
    "RawResponse",
    "Reason",
    "Request",
    "Response",
    "Step",
]
