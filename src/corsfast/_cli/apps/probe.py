"""Send preflights to an application in this process, and nothing else."""

from __future__ import annotations

from typing import NamedTuple

from ..._options.fetch import REQUEST_METHOD
from ...testing import Browser, FetchError
from ...testing._apps import sender, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ...testing import RawResponse, Request
    from .model import Deployment

# No default port, so that no page of a policy has the same origin.
PORT = 8443


class Answer(NamedTuple):
    """The result of a preflight: whether a browser goes on, and the status."""

    passed: bool
    status: int


class _WouldSendError(Exception):
    """The preflight has passed, so the browser would send the request of the page now."""


def ask(
    deployment: Deployment,
    app: Any,
    url: str,
    origin: str,
    method: str,
    names: Iterable[str] = (),
    credentials: bool = False,
) -> Answer:
    """Send the preflight of a page's request. The request itself is never sent.

    An exception counts as 500, because that is the answer of a server.
    """
    send = sender(app)
    status = 0

    def only_preflights(request: Request) -> RawResponse:
        nonlocal status
        if request.get(REQUEST_METHOD) is None:
            raise _WouldSendError
        status = 500
        answer = wait_for(send(request))
        status = answer.status
        return answer

    try:
        Browser(origin).fetch(
            only_preflights,
            method,
            f"https://{deployment.host}:{PORT}{url}",
            headers=dict.fromkeys(names, "1"),
            credentials="include" if credentials else "omit",
            use_preflight=True,
        )
    except _WouldSendError:
        return Answer(True, status)
    except FetchError:
        return Answer(False, status)
    except Exception:
        return Answer(False, 500)
    raise AssertionError("a fetch ends with its request or with an error")
