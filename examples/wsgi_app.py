r"""A plain WSGI application behind one policy. Start it from the repository's root:

    gunicorn examples.wsgi_app:app --bind 127.0.0.1:8001

A plain request has no Origin. The middleware adds to the application's own `Vary`:

    $ curl -si http://127.0.0.1:8001/
    HTTP/1.1 200 OK
    Server: gunicorn
    Date: Sat, 21 Nov 2026 10:24:36 GMT
    Connection: close
    Content-Type: text/plain
    Content-Length: 6
    Vary: Accept, Origin

    hello

An allowed origin may read the answer:

    $ curl -si -H 'Origin: https://app.example.com' http://127.0.0.1:8001/
    HTTP/1.1 200 OK
    Server: gunicorn
    Date: Sat, 21 Nov 2026 10:24:36 GMT
    Connection: close
    Content-Type: text/plain
    Content-Length: 6
    Vary: Accept, Origin
    Access-Control-Allow-Origin: https://app.example.com

    hello

A rejected origin gets it too, but a browser hides it from the page. CORS is not access control:

    $ curl -si -H 'Origin: https://evil.example' http://127.0.0.1:8001/
    HTTP/1.1 200 OK
    Server: gunicorn
    Date: Sat, 21 Nov 2026 10:24:36 GMT
    Connection: close
    Content-Type: text/plain
    Content-Length: 6
    Vary: Accept, Origin

    hello

Before a PUT a browser sends a preflight. The middleware answers it, not the application:

    $ curl -si -X OPTIONS -H 'Origin: https://app.example.com' \
        -H 'Access-Control-Request-Method: PUT' \
        -H 'Access-Control-Request-Headers: x-token' \
        http://127.0.0.1:8001/
    HTTP/1.1 204 No Content
    Server: gunicorn
    Date: Sat, 21 Nov 2026 10:24:36 GMT
    Connection: close
    Access-Control-Allow-Origin: https://app.example.com
    Access-Control-Allow-Methods: PUT
    Access-Control-Allow-Headers: X-Token, Accept, Accept-Language, Content-Language, Content-Type, Range
    Access-Control-Max-Age: 600
    Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers

A preflight from another origin:

    $ curl -si -X OPTIONS -H 'Origin: https://evil.example' \
        -H 'Access-Control-Request-Method: PUT' \
        http://127.0.0.1:8001/
    HTTP/1.1 403 Forbidden
    Server: gunicorn
    Date: Sat, 21 Nov 2026 10:24:36 GMT
    Connection: close
    Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
    Content-Length: 0
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

from corsfast.middleware.wsgi import CORSMiddleware

HEADERS = [("Content-Type", "text/plain"), ("Content-Length", "6"), ("Vary", "Accept")]


def hello(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [b"hello\n"]


app = CORSMiddleware(
    hello,
    allow_origins=["https://app.example.com"],
    allow_methods=["PUT"],
    allow_headers=["X-Token"],
)
