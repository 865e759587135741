"""Two engines, one answer: what DuckDB reads of a lake is what Spark reads, in the same bytes, and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

import native_lake
from lakes import listing
from sluice.catalog import query
from sluice.catalog.lake_tables import lake_tables
from sluice.catalog.native.judge import _FUNCTIONS_REFUSED
from sluice.catalog.native.session import Session
from sluice.catalog.results import FORMS, Form, write_rows
from sluice.errors import ProblemsError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sluice.catalog.ask import Answer

DATABASE = "of_both"
one_lane = pytest.mark.lane("spark-4.1")  # what is neither Spark's nor Arrow's doing
SAME = {
    **native_lake.EXAMPLES,
    "all kinds of values": "SELECT * FROM things ORDER BY id DESC NULLS LAST",
    "evolved columns, NULL partitions": "SELECT * FROM tweets ORDER BY tweet_id",
    "a field that old files lack": 'SELECT place.code AS code, place."at" AS "at" FROM tweets ORDER BY tweet_id',
    "one partition": "SELECT tweet_id FROM tweets WHERE created_date = DATE '2026-02-01' ORDER BY 1",
    "odd partitions": "SELECT * FROM odd ORDER BY id",
    "partitions as their types": "SELECT id FROM odd WHERE n > 1 AND part IS NOT NULL OR part = 'c/d=%1' ORDER BY id",
    "no rows": "SELECT * FROM nothing",
    "nulls in order": "SELECT id FROM things ORDER BY id",
    "nulls in order, down": "SELECT id FROM things ORDER BY id DESC",
    "a join": "SELECT a.language, b.tweet_id FROM tweets a JOIN tweets b ON a.language = b.language "
    "WHERE b.place IS NOT NULL ORDER BY a.tweet_id, b.tweet_id",
    "a subquery": "SELECT count(*) AS n FROM tweets WHERE tweet_id IN (SELECT id FROM odd)",
    "with and window": "WITH t AS (SELECT * FROM tweets) SELECT tweet_id, sum(tweet_id) OVER (ORDER BY tweet_id) AS s "
    "FROM t ORDER BY 1",
    "division": "SELECT id / 2 AS half, -7 % 3 AS rest FROM odd ORDER BY id",
    "sums": "SELECT sum(id) AS a, avg(id) AS b, sum(n) AS c, max(part) AS d, count(n) AS e FROM odd",
    "sums of decimals": "SELECT sum(amount) AS a FROM things",
    "times": "SELECT date_trunc('hour', event_time) AS h, CAST(event_time AS DATE) AS d, year(event_time) AS y, "
    "TIMESTAMP '2026-01-01 00:00:00' AS t FROM app_messages ORDER BY event_time, y",
    "NULL in concat": "SELECT concat(part, '-', 'x') AS c, part || 'y' AS d FROM odd ORDER BY id",
    "replaced": "SELECT regexp_replace(part, '[a-d]', '*') AS r FROM odd ORDER BY id",
    "logarithm": "SELECT log(id) > 1.09 AS natural FROM odd ORDER BY id",
    "keys of a map": "SELECT element_at(counts, 'a') AS a, cardinality(counts) AS n FROM things ORDER BY id",
    "reals": "SELECT CAST(x AS DOUBLE) AS x FROM (VALUES (0.001), (0.00099), (9999999.0), (10000000.0), (-0.5), "
    "(123456789012.5)) AS v (x) ORDER BY x",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    lake = str(tmp_path_factory.mktemp("both") / "a lake's")
    native_lake.make(lake)
    return lake


@pytest.fixture(scope="module")
def session(lake: str) -> Session:
    return Session(lake_tables(lake))


@pytest.fixture(scope="module")
def database(spark: SparkSession) -> Iterator[str]:
    yield DATABASE
    spark.sql(f"DROP DATABASE IF EXISTS {DATABASE} CASCADE")


def written(form: Form, answer: Answer) -> str:
    to = io.StringIO(newline="")
    rows = list(answer.rows())
    write_rows(form, answer.heads, rows, to)
    return to.getvalue()


def asked(session: Session, sql: str) -> list[tuple[str | None, ...]]:
    return [tuple(row) for row in session.prepare(sql).rows()]


@pytest.mark.parametrize("name", SAME)
def test_both_engines_write_the_same_bytes_in_every_form(
    spark: SparkSession, lake: str, session: Session, database: str, name: str
) -> None:
    theirs = query.prepare(spark, SAME[name], lake_tables(lake), database)
    rows = list(theirs.rows())
    ours = session.prepare(SAME[name])
    for form in FORMS:
        to = io.StringIO(newline="")
        write_rows(form, theirs.heads, rows, to)
        assert written(form, ours) == to.getvalue()


@one_lane
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("INSERT INTO things VALUES (1)", "it writes or defines something (insert)"),
        ("WITH t AS (SELECT 1) INSERT INTO things SELECT * FROM t", ""),
        ("WITH t AS (DELETE FROM things RETURNING *) SELECT * FROM t", ""),
        ("DELETE FROM things", "it writes or defines"),
        ("UPDATE things SET id = 1", "it writes or defines"),
        ("CREATE TABLE stolen AS SELECT * FROM things", "it writes or defines"),
        ("CREATE OR REPLACE VIEW things AS SELECT 1", "it writes or defines"),
        ("CREATE MACRO f() AS 1", "it writes or defines"),
        ("DROP VIEW things", "it writes or defines"),
        ("/* SELECT */ -- x\nDROP VIEW things", "it writes or defines something (drop)"),
        ("COPY (SELECT 1) TO '/tmp/x.csv'", "it writes or defines"),
        ("COPY things FROM '/etc/passwd'", "it writes or defines"),
        ("EXPORT DATABASE '/tmp/x'", "it writes or defines"),
        ("ATTACH '/tmp/x.db'", "it writes or defines"),
        ("INSTALL httpfs", "it writes or defines"),
        ("LOAD httpfs", "it writes or defines"),
        ("SET enable_external_access = true", "SET changes the session"),
        ("RESET lock_configuration", "RESET changes the session"),
        ("PRAGMA database_list", "PRAGMA changes the session"),
        ("USE main", "USE changes the session"),
        ("CALL pragma_version()", ""),
        ("EXPLAIN ANALYZE SELECT 1", "it is no query (explain)"),
        ("DESCRIBE things", ""),
        ("FROM (SHOW TABLES)", "it is no query"),
        ("SELECT 1; DROP VIEW things", ""),
        ("SELECT 1; SELECT 2", "expected one query, found 2"),
        ("PREPARE x AS SELECT 1", ""),
        ("SELECT * FROM '/etc/passwd'", "`/etc/passwd` is no registered table"),
        ("SELECT * FROM '/tmp/x.parquet'", "is no registered table"),
        ('SELECT * FROM "s3://other/x.parquet"', "is no registered table"),
        ('WITH "/tmp/x.csv" AS (SELECT * FROM "/tmp/x.csv") SELECT * FROM "/tmp/x.csv"', "is no registered table"),
        ("SELECT (SELECT max(content) FROM read_text('/etc/passwd')) FROM things", "read_text(...) is no table"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv(...) is no table that may be read"),
        ("SELECT * FROM read_parquet('/tmp/*')", "read_parquet(...) is no table"),
        ("SELECT * FROM read_blob('/etc/passwd')", "read_blob(...) is no table"),
        ("SELECT * FROM glob('/etc/*')", "glob(...) is no table"),
        ("SELECT * FROM query('DROP VIEW things')", "query(...) is no table"),
        ("SELECT * FROM query_table('duckdb_settings')", "query_table(...) is no table"),
        ("SELECT * FROM duckdb_settings()", "duckdb_settings(...) is no table"),
        ("SELECT * FROM json_execute_serialized_sql('{}')", "is no table"),
        ("SELECT * FROM information_schema.tables", "`information_schema.tables` is no registered table"),
        ("SELECT * FROM main.things", "`main.things` is no registered table"),
        ("SELECT * FROM duckdb_tables", "`duckdb_tables` is no registered table"),
        ("SELECT * FROM sys.duckdb_secrets", "is no registered table"),
        ('SELECT * FROM "things; DROP VIEW things"', "is no registered table"),
        ('SELECT * FROM "x"" UNION SELECT 1 --"', "is no registered table"),
        ('SELECT * FROM "files of things"', "is no registered table"),
        ("SELECT getenv('HOME')", "getenv(): it looks at the session"),
        ("SELECT current_setting('allowed_paths')", "current_setting(): it looks at the session"),
        ("SELECT max(getvariable('x')) OVER () FROM things", "getvariable(): it looks"),
        ("SELECT [x for x in [version()]]", "version(): it looks at the session"),
        ("SELECT system.main.getenv('HOME')", "functions of a database may run code"),
        ("SELECT id FROM things ORDER BY (SELECT nextval('s'))", "nextval(): it looks"),
        ("SELECT * FROM things AT (VERSION => 0)", "VERSION and TIMESTAMP AS OF are not taken here"),
        ("SELECT $1", "it is no query (parameter)"),
        ("SELECT nested.tags[1] FROM things", "use element_at(array, n)"),
        ("SELECT extract(dow FROM event_time) FROM app_messages", "use isodow"),
        ("SELECT * FROM thing", "(did you mean `things`?); there are: app_messages, app_messages_quarantine"),
        ("SELECT wrd FROM things", '"word"'),
        ("SELECT cuont(*) FROM things", '"count"'),
        ("SELECT explode(nested.tags) FROM things", "ask with --engine spark"),
        ("SELECT (id FROM things", "it cannot be parsed"),
        ("", "it cannot be parsed"),
        ("SELECT id / 0 FROM things", "divide by nullif(x, 0)"),
        ("SELECT CAST(word AS INT) FROM things WHERE id > 5", "a value cannot be cast; use try_cast"),
        ("SELECT CAST('secret-word' AS INT)", "a value cannot be cast; use try_cast"),
        ("SELECT error(word) FROM things WHERE id > 5", "DuckDB cannot answer it"),
        ("SELECT id + 1 FROM things", "a number became too large"),
        ("SELECT CAST(id AS TINYINT) FROM things", "too large for its new type"),
        ("SELECT (SELECT id FROM things)", "more than one row"),
        ("SELECT INTERVAL 1 DAY AS d", "column `d` is of type interval"),
    ],
)
def test_whatever_is_no_plain_query_is_refused_in_words_without_values(
    lake: str, session: Session, sql: str, said: str
) -> None:
    before = listing(lake)
    with pytest.raises(ProblemsError) as caught:
        asked(session, sql)
    told = str(caught.value)
    assert said in told
    assert not [value for value in ("secret-word", 'a "b"', "9223372036854775807") if value in told]
    assert listing(lake) == before


@one_lane
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd.csv'",
        "COPY (SELECT 1) TO '{folder}/x.csv'",
        "ATTACH '{folder}/x.db'",
        "SELECT * FROM glob('/etc/*')",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "INSTALL httpfs",
        "LOAD '{folder}/x.duckdb_extension'",
    ],
)
def test_beneath_the_judge_the_session_opens_its_tables_files_alone(session: Session, tmp_path: Path, sql: str) -> None:
    asked(session, "SELECT count(*) FROM things")
    for connection in session._connections.values():
        with pytest.raises(duckdb.Error):
            connection.execute(sql.format(folder=tmp_path)).fetchall()
    assert not list(tmp_path.iterdir())


@one_lane
def test_no_function_that_sounds_like_the_world_outside_is_let_through() -> None:
    """A new DuckDB may bring new ones: each that sounds so is refused, or is known to look at its arguments alone."""
    found = duckdb.sql(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE NOT regexp_matches(function_type, 'table|pragma')"
    ).fetchall()
    sounds = ("read", "write", "setting", "env", "secret", "glob", "copy", "file", "variable", "query", "sql", "sleep")
    harmless = {"json_copy_strftime_if_date", "json_copy_strftime_if_timestamp", "parse_filename"}
    suspects = {name for (name,) in found if any(sound in name for sound in sounds)} - harmless
    assert {name for name in suspects if not _FUNCTIONS_REFUSED.fullmatch(name)} == set()


@one_lane
def test_partitions_that_a_filter_excludes_are_not_opened(tmp_path: Path) -> None:
    table = f"{tmp_path}/curated/days"
    days = [f"2026-01-{day:02d}" for day in range(1, 32)] * 10
    rows = pa.table({"day": days, "hour": [str(n) for n in range(310)], "n": list(range(310))})
    write_deltalake(table, rows, partition_by=["day", "hour"])
    for path in Path(table).rglob("*.parquet"):
        if "2026-01-07" not in str(path):
            path.write_bytes(b"no Parquet")  # so that opening one would be an error
    session = Session(lake_tables(str(tmp_path)))
    assert asked(session, "SELECT sum(n) FROM days WHERE day = '2026-01-07'") == [(str(sum(range(6, 310, 31))),)]
    assert asked(session, "SELECT count(*) FROM days WHERE day LIKE '%07' AND hour = '6'") == [("1",)]


def test_a_lakes_files_need_not_lie_in_folders_named_by_their_partition(tmp_path: Path) -> None:
    table = f"{tmp_path}/curated/moved"
    write_deltalake(table, pa.table({"p": ["a", "b"], "n": [1, 2]}), partition_by=["p"])
    log = Path(table, "_delta_log", "00000000000000000000.json")
    text = log.read_text()
    for value in "ab":
        (found,) = Path(table, f"p={value}").iterdir()
        folder = Path(table, "batch=20260101T000000Z-000000", "0 %")
        folder.mkdir(parents=True, exist_ok=True)
        text = text.replace(f"p={value}/{found.name}", f"batch=20260101T000000Z-000000/0%20%25/{found.name}")
        found.rename(folder / found.name)
    log.write_text(text)
    session = Session(lake_tables(str(tmp_path)))
    assert asked(session, "SELECT * FROM moved ORDER BY n") == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(
    ("protocol", "configuration", "said"),
    [
        ({"minReaderVersion": 3, "readerFeatures": ["deletionVectors"]}, {}, "reader feature deletionVectors"),
        ({"minReaderVersion": 3, "readerFeatures": ["timestampNtz"]}, {}, "reader feature timestampNtz"),
        ({"minReaderVersion": 2}, {"delta.columnMapping.mode": "name"}, "its "),
    ],
)
def test_tables_whose_files_alone_do_not_tell_their_rows_are_refused(
    tmp_path: Path, protocol: dict[str, object], configuration: dict[str, str], said: str
) -> None:
    table = f"{tmp_path}/curated/things"
    write_deltalake(table, pa.table({"a": [1]}))
    log = Path(table, "_delta_log", "00000000000000000000.json")
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            version = 7 if protocol["minReaderVersion"] == 3 else 5
            features = {"writerFeatures": protocol["readerFeatures"]} if version == 7 else {}
            action["protocol"] = {"minWriterVersion": version, **features, **protocol}
        if "metaData" in action:
            action["metaData"]["configuration"] = configuration
    log.write_text("\n".join(map(json.dumps, actions)))
    with pytest.raises(ProblemsError, match="ask with --engine spark") as caught:
        Session(lake_tables(str(tmp_path))).prepare("SELECT * FROM things")
    assert said in str(caught.value)


@one_lane
def test_a_folder_whose_name_is_a_pattern_is_read_as_it_is_called(tmp_path: Path) -> None:
    for name, number in (("lake*", 1), ("lake x", 2)):
        write_deltalake(f"{tmp_path}/{name}/curated/t", pa.table({"p": ["a"], "n": [number]}), partition_by=["p"])
    session = Session(lake_tables(f"{tmp_path}/lake*"))
    assert asked(session, "SELECT * FROM t") == [("a", "1")]


def test_a_lake_on_s3_gives_the_same_answers(s3_lake: str, session: Session) -> None:
    from sluice.lake.commit import options

    native_lake.make(s3_lake, options(s3_lake))
    there = Session(lake_tables(s3_lake))
    for name in (
        "all kinds of values",
        "evolved columns, NULL partitions",
        "odd partitions",
        "one partition",
        "a join",
    ):
        assert asked(there, SAME[name]) == asked(session, SAME[name]), name


def test_a_session_goes_on_with_the_version_it_has_opened(tmp_path: Path) -> None:
    table = f"{tmp_path}/curated/t"
    write_deltalake(table, pa.table({"n": [1]}))
    session = Session(lake_tables(str(tmp_path)))
    assert asked(session, "SELECT count(*) FROM t") == [("1",)]
    write_deltalake(table, pa.table({"n": [2]}), mode="append")
    assert asked(session, "SELECT count(*) FROM t") == [("1",)]
    assert asked(Session(lake_tables(str(tmp_path))), "SELECT count(*) FROM t") == [("2",)]
    assert DeltaTable(table).version() == 1
