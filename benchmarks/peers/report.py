"""What was found, as JSON and as Markdown: every figure with its spread, every loss by name.

Place in the flow: the right end of the comparison, beside plot.py.
Never: measure, leave a row out, or round a loss away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from corsfast.bench.measure import REQUESTS, Figure
from corsfast.bench.report import finite, spread
from corsfast.bench.rows import standing

from .figures import Rounds, share
from .ours import DECISION, NATIVE, PROTOTYPE, PURE, STARLETTE

# In the order of the table. Who has no figure in a run is named below it.
COLUMNS = (
    DECISION,
    NATIVE,
    PROTOTYPE,
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
WON, LOST, UNDECIDED = "not slower", "lost", "undecided"
WORDS = {"met": WON, "not met": LOST, "noisy": UNDECIDED}

Table = dict[str, dict[str, Rounds]]


class Verdict(NamedTuple):
    """How our middleware stands against a peer in a row.

    ``share`` is our time as a part of theirs, round by round; ``least`` is that of the C
    prototype, where it was measured.
    """

    share: Figure
    least: Figure | None = None

    @property
    def word(self) -> str:
        return WORDS[standing(self.share.least, self.share.most)]

    @property
    def possible(self) -> str:
        """What the prototype would have got."""
        return "" if self.least is None else times(self.least.median)

    @property
    def forbidden(self) -> bool:
        """Whether the prototype loses, too."""
        return self.least is not None and self.least.median > 1

    def __str__(self) -> str:
        said = f"{self.word}, {times(self.share.median)}"
        return {WON: said, LOST: f"**{said}**"}.get(self.word, f"{said} ≈")


def times(share: float) -> str:
    """No finite share is left where the peer is at its own floor."""
    return f"{share:.2f}x" if math.isfinite(share) else "at its floor"


def verdicts(rows: Table) -> dict[str, dict[str, Verdict]]:
    """For each row and each peer of the goal that were both measured."""
    found: dict[str, dict[str, Verdict]] = {}
    for row, columns in rows.items():
        for peer in GOAL:
            if NATIVE in columns and peer in columns:
                least = columns.get(PROTOTYPE)
                judged = Verdict(
                    share(columns[NATIVE], columns[peer]),
                    None if least is None else share(least, columns[peer]),
                )
                found.setdefault(row, {})[peer] = judged
    return found


def as_json(rows: Table, floors: dict[str, Rounds], about: dict[str, Any]) -> dict[str, Any]:
    """Everything: ``about`` says where and with what it was measured."""
    return {
        **about,
        "unit": "nanoseconds per request",
        "rows": {
            row: {column: _rounds(found) for column, found in columns.items()}
            for row, columns in rows.items()
        },
        "floors": {name: _rounds(found) for name, found in floors.items()},
        "verdicts": {
            row: {
                peer: {
                    "verdict": verdict.word,
                    "ratio": finite(verdict.share.median),
                    "least": finite(verdict.share.least),
                    "most": finite(verdict.share.most),
                    "prototype": verdict.least and finite(verdict.least.median),
                }
                for peer, verdict in peers.items()
            }
            for row, peers in verdicts(rows).items()
        },
    }


def from_json(found: dict[str, Any]) -> dict[str, dict[str, Verdict]]:
    """The verdicts of what `as_json` made. It has no quartiles of a share: where the median lies
    stands in for them."""
    return {
        row: {
            peer: Verdict(
                _share(verdict["ratio"], verdict["least"], verdict["most"]),
                _share(verdict["prototype"]) if PROTOTYPE in found["rows"][row] else None,
            )
            for peer, verdict in peers.items()
        }
        for row, peers in found["verdicts"].items()
    }


def _share(*read: float | None) -> Figure:
    """A share by its median and where that lies. JSON has no infinity: a peer at its own floor
    leaves no share."""
    median, *ends = (math.inf if value is None else value for value in read)
    least, most = ends or (median, median)
    return Figure(median, least, most, least, most)


def _rounds(found: Rounds) -> dict[str, Any]:
    return {
        "net": {key: round(value, 2) for key, value in found.net._asdict().items()},
        "noisy": found.net.noisy,
        "gross": round(found.gross.median, 2),
        "floor": round(found.floor.median, 2),
        "rounds": len(found.samples),
        "calls": found.calls,
        "blocks": found.blocks,
    }


def markdown(rows: Table, floors: dict[str, Rounds], about: dict[str, Any]) -> Iterator[str]:
    """Lines of a document."""
    columns = [name for name in COLUMNS if any(name in found for found in rows.values())]
    yield f"# corsfast beside other languages' libraries, {about['made'][:10]}"
    yield ""
    yield f"{about['machine']}; {about['rounds']} rounds, everybody in turn."
    if about["load"]["loaded"]:
        average = about["load"]["before"][0]
        yield f"**The machine was loaded** (load average {average:.2f} before): a quiet one is due."
    yield ""
    yield "Nanoseconds per request that the CORS layer adds: the median of the rounds, each net of"
    yield "its harness' floor, ± half of what the middle half spans. `~` marks a noisy figure, one"
    yield "whose median is not known to a quarter of itself."
    yield ""
    yield f"Every program is driven alike: {REQUESTS} requests are made anew, as in the blocks of"
    yield "`python -m corsfast.bench`, and as many before them to warm up; no others are alive."
    yield "The block runs over each of them once, and a round has several blocks: fewer of what is"
    yield "slow or large, which may have fewer requests, too. What that benchmark measures as well"
    yield "(`policy.asgi`, Starlette) differs from its figures by the policies, and by the programs"
    yield "that ran just before on the same processor."
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


def _goal(rows: Table) -> Iterator[str]:
    yield "## Not slower than Go and Rust?"
    yield ""
    found = verdicts(rows)
    if not found:
        yield "Not judged: corsfast's native engine and a peer of the goal were not both measured."
        return
    for peer in GOAL:
        words = [peers[peer].word for peers in found.values() if peer in peers]
        if words:
            also = _also_lost(found, peer)
            yield (
                f"- {peer}: not slower in {words.count(WON)} of {len(words)} rows, lost"
                f" {words.count(LOST)}{also}, undecided {words.count(UNDECIDED)} (≈)."
            )
        else:
            yield f"- {peer}: not measured."
    yield ""
    yield "`corsfast` (the middleware) as a share of the peer's time, taken round by round; the"
    yield "median of that. `≈` is undecided: it cannot be told from 1 (95 %). Beside it the share"
    yield "of the C prototype: where that is above 1, too, no ASGI middleware can be as fast."
    yield ""
    heads = [head for peer in GOAL for head in (f"against {peer}", "the prototype")]
    body = [
        [row, *(cell for peer in GOAL for cell in _both(peers.get(peer)))]
        for row, peers in found.items()
    ]
    yield from _table(["request", *heads], body, text=True)


def _both(verdict: Verdict | None) -> tuple[str, str]:
    return ("", "") if verdict is None else (str(verdict), verdict.possible)


def _also_lost(found: dict[str, dict[str, Verdict]], peer: str) -> str:
    """How many of the lost rows nobody could win, where that was measured."""
    lost = [it[peer] for it in found.values() if peer in it and it[peer].word == LOST]
    if not lost or any(it.least is None for it in lost):
        return ""
    return f" ({sum(it.forbidden for it in lost)} of them by the C prototype, too)"


def _floors(rows: Table, floors: dict[str, Rounds], columns: list[str]) -> Iterator[str]:
    yield "## Floors"
    yield ""
    yield "What was subtracted: the same loop over the bare application (the median of all rows)."
    yield "In the first column nothing is: a decision is a call, of which the loop alone is taken"
    yield "off. For scale, what a call of anything costs from Python."
    yield ""
    body = [[f"call `{name}`", _cell(found)] for name, found in floors.items()]
    for name in columns:
        if name != DECISION:
            medians = sorted(found[name].floor.median for found in rows.values() if name in found)
            body.append([f"bare application of {name}", _number(medians[len(medians) // 2])])
    yield from _table(["floor", "ns"], body)


def _cell(found: Rounds | None) -> str:
    if found is None:
        return ""
    net = found.net
    mark = " ~" if net.noisy else ""
    return f"{_number(net.median)} ±{_number(spread(net))}{mark}"


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) < 10 else f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}")


def _table(head: list[str], body: list[list[str]], *, text: bool = False) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---|{('---|' if text else '---:|') * (len(head) - 1)}"
    for line in body:
        yield f"| {' | '.join(line)} |"
