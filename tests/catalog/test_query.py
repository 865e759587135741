"""Queries: one that reads registered tables is answered, whatever else is refused; values leave as exact text."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakes import listing
from sluice.catalog.lake_tables import LakeTable, lake_tables
from sluice.catalog.query import prepare
from sluice.catalog.results import Form, Heads, write_rows
from sluice.errors import ProblemsError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATABASE = "of_queries"
Tables = list[LakeTable]


@pytest.fixture(scope="module")
def tables(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """Two tables, with values that are hard to write down."""
    lake = str(tmp_path_factory.mktemp("asked") / "a lake")
    at = datetime(2017, 11, 26, 15, 56, 51, 679000, UTC)
    rows = {
        "id": pa.array([2**63 - 1, -5, None]),
        "word": ['a "b", c\r\nd', "", None],
        "at": pa.array([at, at.replace(microsecond=0), None], pa.timestamp("us", "UTC")),
        "amount": pa.array([Decimal("0.10"), Decimal("12345678901234567.89"), None], pa.decimal128(38, 2)),
        "ratio": [1e300, float("nan"), None],
        "bytes": [b"\xff\x00", b"", None],
        "nested": [{"at": at, "tags": ["x", None]}, {"at": None, "tags": []}, None],
    }
    write_deltalake(f"{lake}/curated/things", pa.table(rows))
    write_deltalake(f"{lake}/quarantine/things", pa.table({"batch_id": ["b1", "b2"]}))
    yield lake_tables(lake)
    spark.sql(f"DROP DATABASE IF EXISTS {DATABASE} CASCADE")


def asked(spark: SparkSession, tables: Tables, sql: str) -> list[tuple[str | None, ...]]:
    return [tuple(row) for row in prepare(spark, sql, tables, DATABASE).rows()]


def written(spark: SparkSession, tables: Tables, form: Form, sql: str, limit: int | None = None) -> str:
    query = prepare(spark, sql, tables, DATABASE)
    to = io.StringIO(newline="")
    write_rows(form, query.heads, query.rows(limit), to, limit)
    return to.getvalue()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("WITH t AS (SELECT id FROM things) SELECT count(*) FROM t;", "3"),
        (f'SELECT count(*) FROM spark_catalog.{DATABASE}."THINGS" t JOIN things_quarantine q ON true', "6"),
        ("SELECT count(*) FROM things WHERE id IN (SELECT id FROM things) OR EXISTS (SELECT 1 FROM things)", "3"),
        ("SELECT \"id\" FROM things WHERE word = '' UNION ALL SELECT 7 WHERE false", "-5"),
        ("SELECT x FROM (VALUES (1), (2)) AS v (x) ORDER BY 1 DESC LIMIT 1", "2"),
        ("SELECT element_at(nested.tags, 1) FROM things WHERE extract(hour FROM at) = 15 AND id > 0", "x"),
        ("SELECT sum(id) OVER (ORDER BY id) FROM things WHERE id < 0", "-5"),
        # Names and texts that look like more are names and texts.
        ("SELECT max('; DROP TABLE things; -- ${env:HOME}') FROM things", "; DROP TABLE things; -- ${env:HOME}"),
        ("SELECT count(*) FROM things -- ; DROP TABLE things", "3"),
    ],
)
def test_a_query_over_registered_tables_is_answered(
    spark: SparkSession, tables: Tables, sql: str, expected: str
) -> None:
    assert asked(spark, tables, sql) == [(expected,)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("INSERT INTO things_quarantine VALUES ('x')", "it writes or defines something"),
        ("WITH t AS (SELECT 'x') INSERT INTO things_quarantine SELECT * FROM t", "it writes or defines"),
        ("FROM things_quarantine INSERT INTO things_quarantine SELECT *", "it writes or defines"),
        ("DELETE FROM things", "it writes or defines"),
        ("UPDATE things SET id = 1", "it writes or defines"),
        ("MERGE INTO things USING things_quarantine ON true WHEN MATCHED THEN DELETE", "it writes or defines"),
        ("CREATE TABLE stolen AS SELECT * FROM things", "it writes or defines"),
        ("CREATE TEMPORARY VIEW things AS SELECT 1", "it writes or defines"),
        ("DROP TABLE things", "it writes or defines"),
        ("ALTER TABLE things ADD COLUMNS (x INT)", "it writes or defines"),
        ("TRUNCATE TABLE things", "it writes or defines"),
        ("INSERT OVERWRITE DIRECTORY '/tmp/x' USING csv SELECT * FROM things", "it writes or defines"),
        ("VACUUM things RETAIN 0 HOURS", "it writes or defines"),
        ("OPTIMIZE things", "it writes or defines"),
        ("SET spark.sql.ansi.enabled = false", "SET changes the session"),
        ("ADD JAR '/tmp/x.jar'", "it writes or defines"),
        ("USE default", "USE changes the session"),
        ("EXPLAIN SELECT 1", "it is no query"),
        ("DESCRIBE HISTORY things", "it is no query"),
        ("SELECT 1; SELECT 2", "it cannot be parsed"),
        ("SELECT 1; DROP TABLE things", "it cannot be parsed"),
        ("BEGIN SELECT 1; DROP TABLE things; END", ""),
        ("EXECUTE IMMEDIATE 'DROP TABLE things'", ""),
        ("CALL system.run()", ""),
        ("SELECT * FROM delta.`/tmp`", "`delta./tmp` is no registered table"),
        ("SELECT * FROM parquet.`s3://other/x`", "is no registered table"),
        ("SELECT (SELECT max(v) FROM csv.`/etc/passwd` AS t (v)) FROM things", "is no registered table"),
        ("WITH things AS (SELECT * FROM text.`/etc/passwd`) SELECT * FROM things", "is no registered table"),
        ("SELECT * FROM things ORDER BY (SELECT max(value) FROM text.`/etc/passwd`)", "is no registered table"),
        ("SELECT * FROM default.things", "`default.things` is no registered table"),
        ('SELECT * FROM "things; DROP TABLE things"', "is no registered table"),
        ('SELECT * FROM "x"" UNION SELECT 1 --"', "is no registered table"),
        ("SELECT * FROM `delta`.`/tmp`", "is no registered table"),
        ('SELECT * FROM "delta./tmp"', "is no registered table"),
        ("SELECT * FROM identifier('delta.`/tmp`')", "IDENTIFIER(...) makes a name of a text"),
        ("SELECT identifier('id') FROM things", "IDENTIFIER(...) makes a name of a text"),
        ("SELECT transform(id) USING 'cat /etc/passwd' FROM things", "TRANSFORM ... USING runs a program"),
        ("SELECT reflect('java.lang.System', 'getenv', 'HOME')", "reflect(): it runs code"),
        ("SELECT count(*) FROM things GROUP BY JAVA_METHOD('java.lang.System', 'exit', 1)", "java_method(): it runs"),
        ("SELECT max(transform(array(1), x -> reflect('a', 'b'))) FROM things", "reflect(): it runs code"),
        ("SELECT from_xml(word, 'a INT', map('rowValidationXSDPath', '/etc/x')) FROM things", ""),
        ("SELECT of_others.run(1)", "`of_others.run`: functions of a database may run code"),
        ("SELECT cuont(*) FROM things", "cuont() is no function of Spark's (did you mean `count`?)"),
        ("SELECT * FROM read_files('/etc')", "read_files(...) is no table that may be read"),
        ("SELECT * FROM things VERSION AS OF 0", "VERSION and TIMESTAMP AS OF are not taken here"),
        ("SELECT * FROM thing", "(did you mean `things`?); there are: things, things_quarantine"),
        ("SELECT wrd FROM things", "`word`"),
        ("SELECT (id FROM things", "it cannot be parsed"),
        ("SELECT id / 0 FROM things", "divide by nullif(x, 0)"),
        ("SELECT CAST('secret-word' AS INT) FROM things", "a value cannot be cast; use try_cast"),
        ("SELECT id + 1 FROM things", "a number became too large"),
        ("", "it cannot be parsed"),
    ],
)
def test_whatever_else_is_refused_in_words_and_changes_nothing(
    spark: SparkSession, tables: Tables, sql: str, said: str
) -> None:
    lake = str(Path(tables[0].uri).parents[1])
    before = listing(lake)
    with pytest.raises(ProblemsError) as caught:
        asked(spark, tables, sql)
    told = str(caught.value)
    assert said in told
    assert "secret-word" not in told
    assert "Exception" not in told
    assert listing(lake) == before


def test_a_variable_of_the_environment_is_text(
    spark: SparkSession, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(spark, tables, "SELECT '${env:PATH} ${system:user.dir} ${spark.app.name}'") == [
        ("${env:PATH} ${system:user.dir} ${spark.app.name}",)
    ]


def test_a_session_that_was_asked_is_as_it_was(spark: SparkSession, tables: Tables) -> None:
    names = ("spark.sql.ansi.enabled", "spark.sql.variable.substitute", "spark.sql.limit.initialNumPartitions")
    before = [spark.conf.get(name) for name in names], spark.catalog.currentDatabase()
    asked(spark, tables, "SELECT 1")
    assert ([spark.conf.get(name) for name in names], spark.catalog.currentDatabase()) == before


def test_csv_is_rfc_4180_and_tells_null_from_nothing(spark: SparkSession, tables: Tables) -> None:
    text = written(spark, tables, "csv", "SELECT * FROM things ORDER BY id DESC NULLS LAST")
    assert text == (
        "id,word,at,amount,ratio,bytes,nested\r\n"
        '9223372036854775807,"a ""b"", c\r\nd",2017-11-26T15:56:51.679Z,0.10,1.0E300,/wA=,'
        '"{""at"":""2017-11-26T15:56:51.679000Z"",""tags"":[""x"",null]}"\r\n'
        '-5,"",2017-11-26T15:56:51Z,12345678901234567.89,NaN,"","{""at"":null,""tags"":[]}"\r\n'
        ",,,,,,\r\n"
    )


def test_json_is_an_object_a_line_with_exact_numbers(spark: SparkSession, tables: Tables) -> None:
    lines = written(spark, tables, "json", "SELECT * FROM things ORDER BY id DESC NULLS LAST").splitlines()
    first, second, third = (json.loads(line, parse_float=Decimal) for line in lines)
    assert (first["id"], first["amount"], first["nested"]["tags"]) == (2**63 - 1, Decimal("0.10"), ["x", None])
    assert (second["ratio"], second["amount"], second["word"]) == ("NaN", Decimal("12345678901234567.89"), "")
    assert set(third.values()) == {None}


def test_a_table_is_cut_at_the_limit_and_steers_no_terminal() -> None:
    to = io.StringIO()
    heads = Heads(("name",), ("text",))
    assert write_rows("table", heads, [["[red]a\x1b[2J"], [None], ["c"]], to, 2) == (2, True)
    assert "[red]a·[2J" in to.getvalue()
    assert "NULL" in to.getvalue()
    assert "c" not in to.getvalue().split("name")[1].replace("·", "")
    assert write_rows("csv", heads, [["a"], [None]], io.StringIO(), 2) == (2, False)
