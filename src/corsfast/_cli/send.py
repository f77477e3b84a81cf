"""Send the requests of `corsfast explain` to a running server, with httpx."""

from __future__ import annotations

from threading import Thread

import httpx

from .._explain.server import NoAnswerError
from ..testing import RawResponse, Request


class Sender:
    """A client that follows no redirect and reads no body. A context manager."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._client = httpx.Client(follow_redirects=False, timeout=seconds)

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def __call__(self, request: Request) -> RawResponse:
        """Send one request.

        Raises:
            NoAnswerError: if there is no answer in time, or it is not HTTP.
        """
        found: list[RawResponse | Exception] = []

        def run() -> None:
            try:
                found.append(self._send(request))
            except Exception as error:
                found.append(error)

        # httpx limits the time of each read. A server can send 103 or parts of a header forever.
        thread = Thread(target=run, daemon=True)
        thread.start()
        thread.join(self._seconds)
        answer = found[0] if found else NoAnswerError("timed out")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _send(self, request: Request) -> RawResponse:
        headers = [
            (name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers
        ]
        try:
            with self._client.stream(
                request.method, request.url, headers=headers, content=request.body or None
            ) as response:
                fields = tuple(
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in response.headers.raw
                )
                return RawResponse(response.status_code, fields)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswerError(str(error) or type(error).__name__) from None
