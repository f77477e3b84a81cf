"""What is said of servers under load: the tables of results/DATE-load.md, and that of the README.

Place in the flow: counts.py -> this -> load.py, readme.py.
Never: run anything, or leave out a row that is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from corsfast.bench.measure import Figure, summarise
from corsfast.bench.rows import standing

from .counts import Sample, more

# Of each (framework, request) the samples of its ways, round by round.
Samples = dict[tuple[str, str], dict[str, list[Sample]]]

# Between the least and the greatest of six lies the median with 97 % certainty, of five with 94 %.
ENOUGH = 6
HEADS = {"none": "no CORS", "own": "its own", "drop-in": "drop-in", "corsfast": "native"}
LOST, UNDECIDED = "**lost**", "≈"
MARKS = {"met": "", "not met": LOST, "noisy": UNDECIDED}


def figure(values: Iterable[float]) -> Figure:
    """Of some rounds. Fewer than ENOUGH do not say where the median is: they are noisy, and decide
    nothing."""
    found = list(values)
    known = summarise(found)
    return known if len(found) >= ENOUGH else known._replace(least=-math.inf, most=math.inf)


def figures(samples: dict[str, list[Sample]], way: str) -> tuple[Figure, Figure, Figure | None]:
    """Requests per second, µs of processor a request, and what of these the way adds."""
    return (
        figure(it.per_second for it in samples[way]),
        figure(it.cpu_us for it in samples[way]),
        None if way == "none" else figure(more(samples, way, "none")),
    )


def against_own(samples: dict[str, list[Sample]], way: str) -> str:
    """Whether one of ours takes more of the processor than the framework's own: "" if it takes
    less, LOST, or UNDECIDED where 0 lies within what is known of the median (95 %)."""
    if way in ("none", "own") or "own" not in samples:
        return ""
    beyond = figure(more(samples, way, "own"))
    return MARKS[standing(beyond.least, beyond.most, 0)]


def markdown(samples: Samples, about: dict[str, Any]) -> Iterator[str]:
    """Lines of a document."""
    yield f"# Under load, {about['date']}"
    yield ""
    yield (
        f"{about['machine']}; {about['generator']}; {about['rounds']} interleaved rounds of"
        f" {about['seconds']} s; server and generator on"
        f" {'a processor each' if about['pinned'] else 'any processor'}."
    )
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in about["versions"].items()) + "."
    for (framework, request), found in samples.items():
        yield ""
        yield f"## {framework}, {request}"
        yield ""
        yield "| CORS | requests/s | µs of processor per request | µs added by CORS | |"
        yield "|---|--:|--:|--:|---|"
        for way in found:
            cells = " | ".join(_cell(it) for it in figures(found, way))
            yield f"| {way} | {cells} | {against_own(found, way)} |"
    yield ""
    yield (
        "Medians, ± half of the middle half's spread; ~ marks a median that is not known to a"
        " quarter of itself, as no median of less than six rounds is. *own* is Starlette's"
        " CORSMiddleware, flask-cors or django-cors-headers; *corsfast* is its ASGI or WSGI"
        " middleware around the application; *drop-in* is corsfast in the place of *own*."
        " **lost** takes more of the processor than *own*, ≈ cannot be told from it (95 %)."
    )


def _cell(found: Figure | None) -> str:
    if found is None:
        return ""
    places = 0 if found.median >= 1000 else 1
    spread = (found.high - found.low) / 2
    return f"{found.median:.{places}f} ± {spread:.{places}f}{' ~' if found.noisy else ''}"


def as_rows(samples: Samples) -> list[dict[str, Any]]:
    """The samples as JSON."""
    return [
        {"framework": framework, "request": request, "cors": way, "samples": found[way]}
        for (framework, request), found in samples.items()
        for way in found
    ]


def from_rows(rows: Iterable[dict[str, Any]]) -> Samples:
    """What `as_rows` made, read from a file again."""
    samples: Samples = {}
    for row in rows:
        found = samples.setdefault((row["framework"], row["request"]), {})
        found[row["cors"]] = [Sample(*sample) for sample in row["samples"]]
    return samples


def compact(samples: Samples) -> Iterator[str]:
    """One table of all: a line for each framework and request, a column for each way."""
    yield f"| under load | {' | '.join(HEADS.values())} |"
    yield f"|---|{'---:|' * len(HEADS)}"
    for (framework, request), found in samples.items():
        yield f"| {framework}, {request} | {' | '.join(_short(found, way) for way in HEADS)} |"


def _short(samples: dict[str, list[Sample]], way: str) -> str:
    if way not in samples:
        return ""
    per_second, cpu, added = figures(samples, way)
    noisy = "~" if per_second.noisy else ""
    cost = f"{_cell(cpu)} µs" if added is None else f"{_signed(added)} µs"
    said = f"{per_second.median:.0f}/s{noisy}, {cost}"
    return " ".join(word for word in (said, against_own(samples, way)) if word)


def _signed(found: Figure) -> str:
    return f"{'+' if found.median >= 0 else ''}{_cell(found)}"
