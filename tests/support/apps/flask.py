"""The Flask application that a test serves. Tests never import it."""

from __future__ import annotations

from flask import Flask

import corsfast
from corsfast.middleware.flask import CORS, cross_origin

app = Flask(__name__)
CORS(app, origins=["https://a.example"], methods="PUT", supports_credentials=True)


@app.get("/")
def hello() -> str:
    return corsfast.IMPLEMENTATION


@app.get("/view")
@cross_origin(origins=r"https://\w+\.example")
def view() -> str:
    return "hello"


@app.get("/broken")
def broken() -> str:
    raise RuntimeError("a bug, on purpose")
