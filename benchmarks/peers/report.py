"""What was found, as JSON and as Markdown: every figure with its spread, every loss by name.

Place in the flow: the right end of the comparison, beside plot.py.
Never: measure, leave a row out, or round a loss away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .figures import Figure, Net
from .ours import DECISION, NATIVE, PURE, STARLETTE

# In the order of the table. Who has no figure in a run is named below it.
COLUMNS = (
    DECISION,
    NATIVE,
    PURE,
    STARLETTE,
    "jub0bs/cors",
    "rs/cors",
    "tower-http",
    "cors",
    "@fastify/cors",
)
# Against these our middleware is held: not slower than either, net of both harnesses.
GOAL = ("jub0bs/cors", "tower-http")

Rows = dict[str, dict[str, Net]]


def verdict(ours: Figure, peer: Figure) -> tuple[str, float | None]:
    """("not slower" or "lost", our time as a share of theirs).

    There is no share where the peer's time is not above its floor; then being at or below our
    own floor is the only way not to lose.
    """
    if peer.median <= 0:
        return ("not slower" if ours.median <= 0 else "lost"), None
    return ("not slower" if ours.median <= peer.median else "lost"), ours.median / peer.median


def within_spread(ours: Figure, peer: Figure) -> bool:
    """Whether the middle halves of the two overlap: another run may say otherwise."""
    return ours.low <= peer.high and peer.low <= ours.high


def verdicts(rows: Rows) -> dict[str, dict[str, tuple[str, float | None, bool]]]:
    """For each row and each peer of the goal that were both measured."""
    found: dict[str, dict[str, tuple[str, float | None, bool]]] = {}
    for row, columns in rows.items():
        for peer in GOAL:
            if NATIVE in columns and peer in columns:
                ours, theirs = columns[NATIVE].net, columns[peer].net
                found.setdefault(row, {})[peer] = (
                    *verdict(ours, theirs),
                    within_spread(ours, theirs),
                )
    return found


def as_json(rows: Rows, floors: dict[str, Net], about: dict[str, Any]) -> dict[str, Any]:
    """Everything: ``about`` says where and with what it was measured."""
    return {
        **about,
        "unit": "nanoseconds per request",
        "rows": {
            row: {column: _net(net) for column, net in columns.items()}
            for row, columns in rows.items()
        },
        "floors": {name: _net(net) for name, net in floors.items()},
        "verdicts": {
            row: {
                peer: {"verdict": word, "ratio": ratio, "within_spread": close}
                for peer, (word, ratio, close) in peers.items()
            }
            for row, peers in verdicts(rows).items()
        },
    }


def _net(net: Net) -> dict[str, Any]:
    return {
        "net": {key: round(value, 2) for key, value in net.net._asdict().items()},
        "noisy": net.net.noisy,
        "gross": round(net.gross.median, 2),
        "floor": round(net.floor.median, 2),
        "calls": net.calls,
    }


def markdown(rows: Rows, floors: dict[str, Net], about: dict[str, Any]) -> Iterator[str]:
    """Lines of a document."""
    columns = [name for name in COLUMNS if any(name in found for found in rows.values())]
    yield f"# corsfast beside other languages' libraries, {about['made'][:10]}"
    yield ""
    yield f"{about['python']}, {about['machine']}; {about['rounds']} rounds, everybody in turn."
    if about["load"]["loaded"]:
        yield f"**The machine was loaded** (load average {about['load']['before'][0]:.2f} before)."
    yield ""
    yield "Nanoseconds per request that the CORS layer adds: the median of the rounds, each net of"
    yield "its harness' floor, ± half of the middle half's spread. `~` marks a noisy figure."
    yield ""
    yield from _table(
        ["request", *columns],
        [[row, *(_cell(found.get(name)) for name in columns)] for row, found in rows.items()],
    )
    yield ""
    yield from _goal(rows)
    yield ""
    yield from _floors(rows, floors, columns)
    yield ""
    yield "## Who took part"
    yield ""
    yield from _table(
        ["library", "version"], [list(pair) for pair in about["versions"].items()], text=True
    )
    for name, reason in about["missing"].items():
        yield f"\n**{name} was not measured: {reason}.**"
    for name, reason in about["left_out"].items():
        yield f"\n**{name} was left out: {reason}.**"
    yield ""
    if about["plot"]:
        yield f"![The same figures]({about['plot']})"
    else:
        yield "No plot was written."


def _goal(rows: Rows) -> Iterator[str]:
    yield "## Not slower than Go and Rust?"
    yield ""
    found = verdicts(rows)
    if not found:
        yield "Not judged: corsfast's native engine and a peer of the goal were not both measured."
        return
    for peer in GOAL:
        words = [peers[peer][0] for peers in found.values() if peer in peers]
        if words:
            lost = words.count("lost")
            yield f"- {peer}: not slower in {len(words) - lost} of {len(words)} rows, lost {lost}."
        else:
            yield f"- {peer}: not measured."
    yield ""
    yield "`corsfast` (the middleware) as a share of the peer's time; `≈` where the middle halves"
    yield "overlap, so that another run may say otherwise."
    yield ""
    yield from _table(
        ["request", *(f"against {peer}" for peer in GOAL)],
        [
            [row, *(_judged(*peers[peer]) if peer in peers else "" for peer in GOAL)]
            for row, peers in found.items()
        ],
        text=True,
    )


def _judged(word: str, ratio: float | None, close: bool) -> str:
    share = "at its floor" if ratio is None else f"{ratio:.2f}x"
    mark = " ≈" if close else ""
    return f"**lost, {share}**{mark}" if word == "lost" else f"{word}, {share}{mark}"


def _floors(rows: Rows, floors: dict[str, Net], columns: list[str]) -> Iterator[str]:
    yield "## Floors"
    yield ""
    yield "What was subtracted: the same loop over the bare application (the median of all rows)."
    yield "In the first column nothing is: a decision is a call, of which the loop alone is taken"
    yield "off. For scale, what a call of anything costs from Python."
    yield ""
    body = [[f"call `{name}`", _cell(net)] for name, net in floors.items()]
    for name in columns:
        if name != DECISION:
            medians = sorted(found[name].floor.median for found in rows.values() if name in found)
            body.append([f"bare application of {name}", _number(medians[len(medians) // 2])])
    yield from _table(["floor", "ns"], body)


def _cell(net: Net | None) -> str:
    if net is None:
        return ""
    spread = (net.net.high - net.net.low) / 2
    mark = " ~" if net.net.noisy else ""
    return f"{_number(net.net.median)} ±{_number(spread)}{mark}"


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) < 10 else f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}")


def _table(head: list[str], body: list[list[str]], *, text: bool = False) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---|{('---|' if text else '---:|') * (len(head) - 1)}"
    for line in body:
        yield f"| {' | '.join(line)} |"
