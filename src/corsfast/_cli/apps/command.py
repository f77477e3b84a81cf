"""Check an application: its policies as `judge` does it, and its deployment."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace

from ...errors import PolicyError
from ..check.judge import judge
from ..check.report import Report
from ..check.subject import Subject, UnreadableError
from .collect import collect
from .faults import Examination, described
from .load import load


def check_application(target: str, tolerated: list[str]) -> Report:
    """Return the report about the application that a target names.

    Raises:
        UnreadableError: if it cannot be imported, or has no CORS layer that is known.
    """
    with warnings.catch_warnings(action="ignore"):
        logging.disable()  # the preflights are not traffic
        try:
            return _checked(target, tolerated)
        finally:
            logging.disable(logging.NOTSET)


def _checked(target: str, tolerated: list[str]) -> Report:
    try:
        deployment = collect(load(target))
    except UnreadableError as error:
        if isinstance(error.__cause__, PolicyError):
            return judge(Subject(target, problems=[*error.__cause__.problems]))
        raise
    rules = [rule for _, rule in described(deployment)]
    if not rules:
        raise UnreadableError(
            f"{target} has no CORS layer of corsfast, Starlette, flask-cors, django-cors-headers,"
            " Litestar or aiohttp-cors around a route"
        )
    found = Examination(deployment)
    entries, problems, warnings = len(deployment.routes), [*found.problems], [*found.warnings]
    for rule in rules:
        subject = replace(rule.subject, tolerated=frozenset(tolerated))
        report = judge(subject)
        entries += report.entries
        problems += report.problems
        warnings += report.warnings
    return Report(target, entries, list(dict.fromkeys(problems)), list(dict.fromkeys(warnings)))
