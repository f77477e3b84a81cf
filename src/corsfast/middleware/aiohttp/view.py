"""Class-based views with their own CORS options.

They answer OPTIONS requests; all other requests are left to the view.
"""

from __future__ import annotations

from aiohttp import hdrs, web

from .answers import Answers
from .options import parse_config
from .preflight import answer_preflight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, ClassVar, Protocol

    from .options import Config, Written

    class Configured(Protocol):
        """The part of a CorsConfig that views use."""

        defaults: Config

        def view_answers(self, view: type[Any], method: str, /) -> Answers: ...


# The key of the CorsConfig in an application.
APP_CONFIG_KEY: web.AppKey[Configured] = web.AppKey("corsfast.middleware.aiohttp")


def custom_cors(config: Written) -> Callable[[Any], Any]:
    """Set options for one view method: ``@custom_cors({...})`` above ``async def get(self)``."""

    def wrapper(function: Any) -> Any:
        setattr(function, f"{function.__name__}_cors_config", config)
        return function

    return wrapper


class CorsViewMixin:
    """A mixin for views with CORS; name it before ``aiohttp.web.View`` in the bases.

    Attributes:
        cors_config: the options of all methods of this view. They take precedence over the
            defaults of `setup`, and `custom_cors` takes precedence over them.
    """

    cors_config: ClassVar[Written | None] = None

    if TYPE_CHECKING:
        request: web.Request

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if hasattr(cls, "get_request_config"):
            raise TypeError(
                f"{cls.__qualname__}.get_request_config would never be called: options are read"
                " once, when the application starts; write them into cors_config or custom_cors"
            )

    async def options(self) -> web.StreamResponse:
        """Answer a preflight."""
        cors = config_of(self.request)
        if cors is None:
            raise ValueError("CORS is not configured; call setup(app) first")
        return answer_preflight(self.request, ViewAnswers(type(self), cors).preflight)


class ViewAnswers:
    """The answers of one view under one CorsConfig."""

    def __init__(self, view: type[Any], cors: Configured) -> None:
        self._view = view
        self._cors = cors

    def preflight(self, origin: str, method: str) -> Answers | None:  # noqa: ARG002
        """Return the answers for a method if the view has it, compared case-insensitively."""
        known = method.upper()
        if known not in hdrs.METH_ALL or not hasattr(self._view, known.lower()):
            return None
        return self._cors.view_answers(self._view, known)

    def written(self) -> Iterator[Config]:
        """Yield all options written for the view, so that mistakes are found at start-up."""
        for method in hdrs.METH_ALL:
            yield from self._written(method)

    def config(self, method: str) -> Config:
        """Return the merged options for a method of the view; nothing is reported per request."""
        of_view, of_method = self._written(method)
        return {**self._cors.defaults, **of_view, **of_method}

    def _written(self, method: str) -> tuple[Config, Config]:
        """Return the options written for the view, and for one of its methods."""
        handler = getattr(self._view, method.lower(), None) if method in hdrs.METH_ALL else None
        return (
            parse_config(self._view.cors_config or None),
            parse_config(getattr(handler, f"{method.lower()}_cors_config", None)),
        )


def is_cors_view(handler: object) -> bool:
    """Return whether a handler is a view that answers preflights itself."""
    return isinstance(handler, type) and issubclass(handler, CorsViewMixin)


def config_of(request: web.Request) -> Configured | None:
    """Return the CorsConfig of a request's application, or of the nearest parent application."""
    found: Configured | None = request.config_dict.get(APP_CONFIG_KEY)
    return found
