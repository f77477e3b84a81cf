"""Check an application: its policies as `judge` does it, and its deployment."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import redirect_stdout

from ...errors import PolicyError
from ..check.arguments import tolerating
from ..check.judge import judge
from ..check.report import Report
from ..check.subject import Subject, UnreadableError
from .collect import collect
from .faults import Examination
from .load import load


def check_application(target: str, tolerated: list[str]) -> Report:
    """Return the report about the application that a target names.

    Raises:
        UnreadableError: if it cannot be imported, or has no CORS layer that is known.
    """
    with warnings.catch_warnings(action="ignore"), redirect_stdout(sys.stderr):
        logging.disable()  # the report says what the warnings say; the preflights are not traffic
        try:
            return _report(target, tolerated)
        except UnreadableError as error:
            if isinstance(error.__cause__, PolicyError):
                return judge(Subject(target, problems=[*error.__cause__.problems]))
            raise
        finally:
            logging.disable(logging.NOTSET)


def _report(target: str, tolerated: list[str]) -> Report:
    try:
        deployment = collect(load(target))
    except UnreadableError:
        raise
    except Exception as error:  # of a middleware that cannot be made, or of an unknown version
        reason = f"{type(error).__name__}: {error}"
        raise UnreadableError(f"{target} cannot be read ({reason})") from error
    layers = dict.fromkeys(layer for route in deployment.routes for layer in route.cors)
    rules = [rule for layer in layers for rule in layer.rules or ()]
    if not rules:
        raise UnreadableError(
            f"{target} has no CORS layer of corsfast, Starlette, flask-cors, django-cors-headers,"
            " Litestar or aiohttp-cors around a route"
        )
    found = Examination(deployment)
    reports = [judge(tolerating(rule.subject, tolerated)) for rule in rules]
    return Report(
        target,
        len(deployment.routes) + sum(report.entries for report in reports),
        [*dict.fromkeys(sum((report.problems for report in reports), found.problems))],
        [*dict.fromkeys(sum((report.warnings for report in reports), found.warnings))],
    )
