"""A small lake whose values are hard to write down, partitioned and evolved, for both engines to be asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

AT = datetime(2017, 11, 26, 15, 56, 51, 679000, UTC)
# As in the README, beside what the curated tables call these columns.
EXAMPLES = {
    "sentiment by country": "SELECT country, count(*) AS messages, avg(sentiment_value) AS mean_sentiment "
    "FROM app_messages GROUP BY country HAVING count(*) >= 2 ORDER BY mean_sentiment DESC, country LIMIT 5",
    "busiest hour": "SELECT extract(hour FROM event_time) AS hour_utc, count(*) AS messages FROM app_messages "
    "GROUP BY 1 ORDER BY messages DESC, hour_utc LIMIT 3",
    "quarantine": "SELECT element_at(reasons, 1).rule AS why, element_at(reasons, 1).column AS at_column, "
    "count(*) AS records FROM app_messages_quarantine GROUP BY 1, 2 ORDER BY records DESC, why",
    "tweets by language": "SELECT language, count(*) AS tweets FROM tweets GROUP BY language "
    "ORDER BY tweets DESC, language LIMIT 5",
}
_REASON = pa.struct([("rule", pa.string()), ("column", pa.string()), ("message", pa.string())])


def make(lake: str, options: dict[str, str] | None = None) -> None:
    """The lake at `lake`: app_messages and its quarantine, tweets (in two versions of its columns), values, nothing."""

    def write(table: str, rows: dict[str, Any] | pa.Table, **how: Any) -> None:
        rows = rows if isinstance(rows, pa.Table) else pa.table(rows)
        write_deltalake(f"{lake}/{table}", rows, mode="append", storage_options=options, **how)

    times = [AT + timedelta(hours=hour) for hour in (0, 0, 1, 5, 5, 5)]
    write("curated/app_messages", {
        "country": ["Chile", "Chile", "日本", None, "日本", None],
        "sentiment_value": pa.array([0.25, 0.5, -1.0, None, 0.75, 0.125], pa.float64()),
        "event_time": pa.array(times, pa.timestamp("us", "UTC")),
    })  # fmt: skip
    reasons = [
        [{"rule": "wrong_type", "column": "age", "message": "m"}],
        [{"rule": "x", "column": None, "message": ""}],
        None,
    ]
    write("quarantine/app_messages", {"reasons": pa.array([*reasons, reasons[0]], pa.list_(_REASON))})
    days = [date(2026, 1, 31), date(2026, 2, 1), None]
    first = {"language": ["en", "ja", None], "tweet_id": [1, 2, 3], "created_date": pa.array(days, pa.date32())}
    write("curated/tweets", first, partition_by=["created_date"])
    place = pa.array([{"code": "CL", "at": AT}, None])
    later = {"language": ["en", "en"], "tweet_id": [4, 5], "created_date": days[:2], "place": place}
    write("curated/tweets", later, partition_by=["created_date"], schema_mode="merge")
    write("curated/things", _things())
    texts = ["a b", "c/d=%1", "%20", None, "ü'\"", "{x}"]
    odd = {"part": texts, "n": pa.array([7, -1, 0, 2**31 - 1, 5, None], pa.int32()), "id": [1, 2, 3, 4, 5, 6]}
    write("curated/odd", odd, partition_by=["part", "n"])
    write("curated/nothing", {"a": pa.array([], pa.int64()), "b": pa.array([], pa.list_(pa.string()))})


def _things() -> pa.Table:
    deep = pa.struct([
        ("at", pa.timestamp("us", "UTC")), ("on", pa.date32()), ("tags", pa.list_(pa.string())), ("raw", pa.binary()),
        ("real", pa.float64()), ("money", pa.decimal128(20, 8)), ("count", pa.int64()), ("yes", pa.bool_()),
    ])  # fmt: skip
    full = {
        "at": AT, "on": date(1969, 12, 31), "tags": ['x"\x1f\n\u2028/', None, ""], "raw": b"\xff\x00", "real": 1e300,
        "money": Decimal("0.00000001"), "count": 2**63 - 1, "yes": False,
    }  # fmt: skip
    bare = {**dict.fromkeys(full), "tags": [], "real": 12345678.0}
    return pa.table({
        "id": pa.array([2**63 - 1, -5, None, 0]),
        "word": ['a "b", c\r\nd', "", None, "日本 \t|"],
        "at": pa.array([AT, AT.replace(microsecond=0), None, datetime(1, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        "on": [date(2017, 11, 26), date(1, 1, 1), None, date(9999, 12, 31)],
        "amount": pa.array([Decimal("0.10"), Decimal("12345678901234567.89"), None, Decimal(-1)], pa.decimal128(38, 2)),
        "tiny": pa.array([Decimal("0.0000000001"), Decimal(0), None, Decimal(1)], pa.decimal128(20, 10)),
        "ratio": [1e300, float("nan"), None, 0.001],
        "single": pa.array([0.1, float("-inf"), None, 16777216.0], pa.float32()),
        "small": pa.array([-128, 127, None, 0], pa.int8()),
        "yes": [True, False, None, True],
        "bytes": [b"\xff\x00", b"", None, b"abc"],
        "nested": pa.array([full, bare, None, full], deep),
        "counts": pa.array([[("a", 1), ("b c", None)], [], None, [("", 2)]], pa.map_(pa.string(), pa.int64())),
        "many": pa.array([[full, None], [], None, [bare]], pa.list_(deep)),
    })  # fmt: skip
