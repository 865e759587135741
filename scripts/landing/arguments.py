"""What was asked for: parsed, and refused with all problems at once before anything is written."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from landing.tables import MOST_MESSAGES
from sluice.errors import UsageError

DATASETS = ("app_messages", "tweets")
_SUFFIXES = {"": 1, "k": 1_000, "m": 1_000_000}
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_MOST_DAMAGED = Fraction("0.45")
_SHARES = ("duplicates", "late", "damaged", "unknown", "wrong")
# Of tweets alone, with what is meant where nothing is said.
_OF_TWEETS = {"notices": "0.02", "updates": "0.02"}
_MOST_UPDATES = Fraction("0.2")
# Ids of tweets count milliseconds since the first instant, and end with 63 bits.
_TWEETS_BETWEEN = datetime(2010, 12, 10, tzinfo=UTC), datetime(2079, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shares:
    """Which part of all messages has a fate of its own; the rest is plain."""

    duplicates: Fraction = Fraction(0)
    late: Fraction = Fraction(0)
    damaged: Fraction = Fraction(0)
    unknown: Fraction = Fraction(0)
    wrong: Fraction = Fraction(0)
    notices: Fraction = Fraction(0)
    updates: Fraction = Fraction(0)


@dataclass(frozen=True)
class Order:
    """One delivery as asked for. `object_bytes` is before compression; `region` None means the environment's."""

    lake: str
    dataset: str
    messages: int
    seed: int
    start_at: datetime
    hours: Fraction
    layout: str
    compression: str
    shares: Shares
    late_days: Fraction
    object_bytes: int
    object_seconds: int
    stream: str
    workers: int
    again: bool
    firehose: str | None
    region: str | None

    @property
    def newline(self) -> bytes:
        return b"\n" if self.layout == "newline" else b""

    @property
    def start_ms(self) -> int:
        return round(self.start_at.timestamp() * 1000)

    @property
    def span_ms(self) -> int:
        return int(self.hours * 3_600_000)

    def content(self) -> dict[str, Any]:
        """The arguments that decide what the messages say: equal ones make equal messages."""
        return {
            "dataset": self.dataset,
            "messages": self.messages,
            "seed": self.seed,
            "start": self.start_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "hours": float(self.hours),
            **{name: float(getattr(self.shares, name)) for name in _shares_of(self.dataset)},
            "late_days": float(self.late_days),
        }

    def delivery(self) -> dict[str, Any]:
        """The arguments that decide only how they are delivered."""
        return {
            "layout": self.layout,
            "compression": self.compression,
            "object_bytes": self.object_bytes,
            "object_seconds": self.object_seconds,
            "stream": self.stream,
            "firehose": self.firehose,
        }


def parse(argv: Sequence[str]) -> Order:
    """The order of a command line; UsageError lists everything that is wrong with it."""
    given = _parser().parse_args(argv)
    problems: list[str] = []
    order = Order(
        lake=given.lake,
        dataset=given.dataset,
        messages=_number(given, "messages", _SUFFIXES, problems, 1, MOST_MESSAGES),
        seed=_number(given, "seed", {"": 1}, problems, 0, 10**18),
        start_at=_instant(given, problems),
        hours=_fraction(given, "hours", problems, Fraction("0.001"), Fraction(24 * 366)),
        layout=given.layout,
        compression=given.compression,
        shares=_shares(given, problems),
        late_days=_fraction(given, "late_days", problems, Fraction("0.1"), Fraction(30)),
        object_bytes=_number(given, "object_bytes", _SIZES, problems, 1, 1 << 30),
        object_seconds=_number(given, "object_seconds", {"": 1}, problems, 1, 366 * 86_400),
        stream=given.stream or given.dataset.replace("_", "-"),
        workers=_number(given, "workers", {"": 1}, problems, 1, 64),
        again=given.again == "true",
        firehose=given.firehose,
        region=given.region,
    )
    if not given.lake.strip():
        problems.append("--lake: expected a local folder or s3://bucket/prefix, found nothing")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", order.stream):
        problems.append("--stream: expected 1 to 64 letters, digits, `_`, `.` or `-`, as Firehose allows")
    if order.dataset == "tweets" and not _TWEETS_BETWEEN[0] <= order.start_at <= _TWEETS_BETWEEN[1]:
        first, last = (f"{at:%Y-%m-%d}" for at in _TWEETS_BETWEEN)
        problems.append(f"--start: expected {first} to {last} for tweets, whose ids are made of it, found another")
    if problems:
        count = f"{len(problems)} problem" + ("" if len(problems) == 1 else "s")
        raise UsageError("\n  ".join([f"scripts/land: {count} in its arguments; nothing was written", *problems]))
    return order


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/land",
        allow_abbrev=False,
        description="Makes app messages or tweets and delivers them to <lake>/raw/<dataset>/ as Kinesis Data Firehose "
        "would; <lake>/_landed/<dataset>/ says what curation must then show.",
    )
    add = parser.add_argument
    add("--lake", required=True, metavar="URI", help="a local folder, s3://bucket/prefix or s3a://...")
    add("--dataset", default="app_messages", choices=DATASETS)
    add("--messages", default="10k", metavar="N", help="how many records, damaged ones too: 500, 10k, 2m (default 10k)")
    add("--seed", default="1", metavar="N", help="another seed makes other messages (default 1)")
    add("--start", default="2017-11-26T15:00:00Z", metavar="INSTANT", help="first arrival, UTC (default %(default)s)")
    add("--hours", default="1", metavar="H", help="how long they keep arriving (default 1)")
    add("--layout", default="back-to-back", choices=("back-to-back", "newline"))
    add("--compression", default="gzip", choices=("gzip", "none"))
    add("--duplicates", default="0.01", metavar="SHARE", help="exact copies, near or later (default %(default)s)")
    add("--late", default="0.01", metavar="SHARE", help="event hours to days before arrival (default %(default)s)")
    add("--damaged", default="0.001", metavar="SHARE", help="cut off, junk, quotes, braces (default %(default)s)")
    add("--unknown", default="0.005", metavar="SHARE", help="fields nobody declared (default %(default)s)")
    add("--wrong", default="0", metavar="SHARE", help="sound JSON, impossible value (default %(default)s)")
    add("--late-days", default="2", metavar="DAYS", help="the latest are that late (default %(default)s)")
    add(
        "--object-bytes",
        default="5MiB",
        metavar="SIZE",
        help="buffer, uncompressed: 300000, 5MiB (default %(default)s)",
    )
    add("--object-seconds", default="300", metavar="S", help="longest arrival in one object (default %(default)s)")
    add("--notices", metavar="SHARE", help="tweets: deletions, limits and other notices among them (default 0.02)")
    add("--updates", metavar="SHARE", help="tweets: collected again later, with higher counts (default 0.02)")
    add("--stream", metavar="NAME", help="the name in the keys (default: the dataset's, app-messages)")
    add("--workers", default=str(len(os.sched_getaffinity(0))), metavar="N", help="processes (default: one per core)")
    add("--again", default="false", choices=("true", "false"), help="deliver a seed's messages anew under other keys")
    add("--firehose", metavar="STREAM", help="send to this stream (PutRecordBatch) instead of writing source objects")
    add("--region", metavar="R", help="AWS region of that stream")
    return parser


def _number(
    given: argparse.Namespace, name: str, units: dict[str, int], problems: list[str], least: int, most: int
) -> int:
    text = getattr(given, name)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]*)", text.lower().replace("_", "").strip())
    value = Fraction(match[1]) * units[match[2]] if match and match[2] in units else None
    if value is None or value.denominator != 1 or not least <= value <= most:
        problems.append(f"--{name.replace('_', '-')}: expected a whole number from {least} to {most}, found `{text}`")
        return least
    return int(value)


def _fraction(given: argparse.Namespace, name: str, problems: list[str], least: Fraction, most: Fraction) -> Fraction:
    text = getattr(given, name)
    try:
        value = Fraction(text)
        if least <= value <= most:
            return value
    except (ValueError, ZeroDivisionError):
        pass
    expected = f"a number from {float(least):g} to {float(most):g}"
    problems.append(f"--{name.replace('_', '-')}: expected {expected}, found `{text}`")
    return least


def _shares_of(dataset: str) -> tuple[str, ...]:
    return (*_SHARES, *_OF_TWEETS) if dataset == "tweets" else _SHARES


def _shares(given: argparse.Namespace, problems: list[str]) -> Shares:
    before = len(problems)
    # Damaged ones side by side would count as one; a tweet is updated at most once.
    most = {"damaged": _MOST_DAMAGED, "updates": _MOST_UPDATES}
    for name, share in _OF_TWEETS.items():
        if given.dataset != "tweets" and getattr(given, name) is not None:
            problems.append(f"--{name}: is for --dataset tweets")
        elif getattr(given, name) is None:
            setattr(given, name, share)
    names = _shares_of(given.dataset)
    values = {name: _fraction(given, name, problems, Fraction(0), most.get(name, Fraction(1))) for name in names}
    total = sum(values.values())
    if len(problems) == before and total > 1:
        named = ", ".join(f"--{name}" for name in names)
        problems.append(f"{named}: expected shares of one whole, found {float(total):g} together; lower some of them")
    return Shares(**values)


def _instant(given: argparse.Namespace, problems: list[str]) -> datetime:
    try:
        at = datetime.fromisoformat(given.start)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        if 1971 <= at.year <= 2200 and not at.microsecond:
            return at
    except (ValueError, OverflowError):
        pass
    problems.append(
        f"--start: expected an instant such as 2017-11-26T15:00:00Z, from 1971 to 2200, found `{given.start}`"
    )
    return datetime(1971, 1, 1, tzinfo=UTC)
