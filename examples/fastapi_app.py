r"""A FastAPI application behind one policy. Start it from the repository's root:

    uvicorn examples.fastapi_app:app --port 8000

A plain request has no Origin. Its `Vary` tells caches that the answer depends on the Origin:

    $ curl -si http://127.0.0.1:8000/items
    HTTP/1.1 200 OK
    date: Sat, 21 Nov 2026 10:24:35 GMT
    server: uvicorn
    content-length: 15
    content-type: application/json
    vary: Origin

    ["pen","paper"]

An allowed origin may read the answer:

    $ curl -si -H 'Origin: https://app.example.com' http://127.0.0.1:8000/items
    HTTP/1.1 200 OK
    date: Sat, 21 Nov 2026 10:24:35 GMT
    server: uvicorn
    content-length: 15
    content-type: application/json
    access-control-allow-origin: https://app.example.com
    access-control-allow-credentials: true
    vary: Origin

    ["pen","paper"]

A rejected origin gets it too, but a browser hides it from the page. CORS is not access control:

    $ curl -si -H 'Origin: https://evil.example' http://127.0.0.1:8000/items
    HTTP/1.1 200 OK
    date: Sat, 21 Nov 2026 10:24:35 GMT
    server: uvicorn
    content-length: 15
    content-type: application/json
    vary: Origin

    ["pen","paper"]

Before a PUT a browser sends a preflight. The middleware answers it, not the application:

    $ curl -si -X OPTIONS -H 'Origin: https://app.example.com' \
        -H 'Access-Control-Request-Method: PUT' \
        -H 'Access-Control-Request-Headers: x-token' \
        http://127.0.0.1:8000/items/1
    HTTP/1.1 204 No Content
    date: Sat, 21 Nov 2026 10:24:35 GMT
    server: uvicorn
    access-control-allow-origin: https://app.example.com
    access-control-allow-credentials: true
    access-control-allow-methods: PUT
    access-control-allow-headers: X-Token, Accept, Accept-Language, Content-Language, Content-Type, Range
    access-control-max-age: 600
    vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers

A preflight from another origin:

    $ curl -si -X OPTIONS -H 'Origin: https://evil.example' \
        -H 'Access-Control-Request-Method: PUT' \
        http://127.0.0.1:8000/items/1
    HTTP/1.1 403 Forbidden
    date: Sat, 21 Nov 2026 10:24:35 GMT
    server: uvicorn
    vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
    content-length: 0

An unhandled exception. The middleware is outside of FastAPI's own error handling, so the page can
read the status 500. With `add_middleware` it would see a CORS error instead:

    $ curl -si -H 'Origin: https://app.example.com' http://127.0.0.1:8000/broken
    HTTP/1.1 500 Internal Server Error
    date: Sat, 21 Nov 2026 10:24:35 GMT
    server: uvicorn
    content-length: 21
    content-type: text/plain; charset=utf-8
    access-control-allow-origin: https://app.example.com
    access-control-allow-credentials: true
    vary: Origin

    Internal Server Error
"""  # noqa: E501

from __future__ import annotations

from fastapi import FastAPI

from corsfast.middleware.starlette import install

app = FastAPI()


@app.get("/items")
async def read_items() -> list[str]:
    return ["pen", "paper"]


@app.put("/items/{number}")
async def replace_item(number: int, name: str) -> dict[int, str]:
    return {number: name}


@app.get("/broken")
async def broken() -> None:
    raise RuntimeError("a bug, on purpose")


# Not `app.add_middleware(...)`: see the last exchange above.
install(
    app,
    allow_origins=["https://app.example.com", "https://*.preview.example.com"],
    allow_methods=["PUT"],
    allow_headers=["X-Token"],
    allow_credentials=True,
)
