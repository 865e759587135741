"""What became of the records: each contender's table, counted against the manifest and against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.contenders import COLUMNS
from benchmark.made import DATASET

FATES = ("curated", "quarantined", "duplicates", "superseded", "filtered", "rescued")
_KEY = f"hash(epoch_us(event_time::TIMESTAMP), {', '.join(COLUMNS)})"


def files_of(lake: Path, name: str) -> list[str]:
    """The data files of a contender's table."""
    from deltalake import DeltaTable

    if name == "b":
        return [str(path) for path in sorted((lake / "plain").rglob("*.parquet"))]
    table = lake / "curated" / DATASET if name.startswith("d") else lake / "plain"
    return [uri.removeprefix("file://") for uri in DeltaTable(str(table)).file_uris()]


def judged(lakes: Mapping[str, Path], expected: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By contender: rows; `doubled` rows more than once; and, where ours is as the manifest says and so is the truth,
    `lost` (true rows that are not there) and `invented` (rows that are not true: made of damage, empty ones too).
    """
    import duckdb

    found: dict[str, dict[str, Any]] = {}
    with duckdb.connect() as session:
        session.execute("SET TimeZone = 'UTC'")
        for name, lake in lakes.items():
            session.execute(
                f"CREATE TEMP TABLE k_{name} AS SELECT {_KEY} AS k, count(*) AS n, bool_and(event_time IS NULL) AS e "
                f"FROM read_parquet(?, hive_partitioning = true, union_by_name = true) GROUP BY 1",
                [files_of(lake, name)],
            )
            rows, empty, doubled = _one(
                session,
                f"SELECT sum(n), coalesce(sum(n) FILTER (e), 0), coalesce(sum(n - 1) FILTER (NOT e), 0) FROM k_{name}",
            )
            found[name] = {"rows": rows, "empty": empty, "doubled": doubled}
        truth = next((n for n in lakes if n.startswith("d") and found[n]["rows"] == expected["curated"]), None)
        for name in lakes if truth else ():
            lost = _one(session, f"SELECT count(*) FROM k_{truth} AS t ANTI JOIN k_{name} AS f USING (k)")[0]
            not_true = f"k_{name} AS f ANTI JOIN k_{truth} AS t USING (k)"
            invented = _one(session, f"SELECT coalesce(sum(f.n), 0) FROM {not_true}")[0]
            found[name] |= {"lost": lost, "invented": invented}
    return {name: {key: int(value) for key, value in row.items()} for name, row in found.items()}


def as_expected(counts: Mapping[str, int], expected: Mapping[str, Any]) -> bool:
    """Whether ours counted what the manifest says, fate by fate."""
    return counts["read"] == expected["records"] and all(counts[fate] == expected[fate] for fate in FATES)


def _one(session: Any, query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = session.execute(query).fetchone()
    return row
