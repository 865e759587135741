"""Whether a text is one query that only reads registered tables, judged on what DuckDB's own parser has made of it.

The parser hands its tree over as JSON. Each node must be of a kind that is known to read and nothing else, a table must
be a registered one by its name, a table function must make its rows of its arguments, and a function must neither look
at the session nor run SQL. Beneath, the session itself may open the tables' files and nothing else (see `session`).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sluice.errors import ProblemsError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_TABLES = {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "PIVOT"}
_PARTS = {"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"} | {
    "ORDER_DEFAULT", "ASCENDING", "DESCENDING",
}  # fmt: skip
_EXPRESSIONS = set(
    "BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA LAMBDA_REF OPERATOR "
    "POSITIONAL_REFERENCE STAR SUBQUERY TYPE WINDOW".split()
)
_TABLE_FUNCTIONS = {"unnest", "range", "generate_series", "json_each", "json_tree"}
_FUNCTIONS_REFUSED = re.compile(
    r"__.*|json_(de)?serialize.*|json_execute.*|pg_.*|has_.*_privilege|inet_.*|current_(setting|query|query_id|database|"
    r"schema|schemas|catalog|role|user|connection_id|transaction_id)|session_user|user|version|getenv|getvariable|"
    r"nextval|currval|setval|setseed|write_log|sleep_ms|in_search_path|txid_current|get_block_size|add_parquet_key|"
    r"parse_duckdb_log_message|index_key|stats|vector_type|col_description|(sh)?obj_description"
)
_DAYS = {"dow", "dayofweek", "weekday"}
_TODO = "ask one SELECT (or WITH ... SELECT, VALUES) over registered tables"


@dataclass(frozen=True)
class Judgement:
    """What a sound query needs: the tables it `reads`, and whether it `joins` them or looks into one for another."""

    reads: frozenset[str]
    joins: bool


def judged(parser: DuckDBPyConnection, sql: str, database: str, tables: Collection[str]) -> Judgement:
    """What `sql` needs of `tables`; ProblemsError with all that is wrong where it is not one query that only reads."""
    tree = json.loads(parser.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0])
    if tree["error"]:
        raise _refused([_unparsed(sql, tree)])
    if len(tree["statements"]) != 1:
        raise _refused([f"it cannot be parsed: expected one query, found {len(tree['statements']) or 'nothing'}"])
    judge = _Judge(database, tables)
    judge.walk(tree["statements"][0]["node"], frozenset())
    if judge.problems:
        raise _refused(list(dict.fromkeys(judge.problems)))
    return Judgement(frozenset(judge.used), judge.joins)


@dataclass
class _Judge:
    """Walks a parsed query and collects what is wrong with it."""

    database: str
    tables: Collection[str]
    problems: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    joins: bool = False

    def walk(self, node: Any, scope: frozenset[str]) -> None:
        """`scope` are the names that WITH gives to relations around `node`."""
        if isinstance(node, list):
            for each in node:
                self.walk(each, scope)
        if not isinstance(node, dict):
            return
        self._judge(node, scope)
        scope = self._with(node, scope)
        for key, each in node.items():
            if key != "cte_map":
                self.walk(each, scope)

    def _with(self, node: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        """Judge what `node` names by WITH; the names that hold in the rest of it."""
        for named in node.get("cte_map", {}).get("map", ()):
            name, query = named["key"].lower(), named["value"].get("query_node") or {}
            # A query that is not recursive knows the names before its own: its own would be another table's.
            inner = scope | {name} if query.get("type") == "RECURSIVE_CTE_NODE" else scope
            self.walk(named["value"], inner)
            scope |= {name}
        return scope

    def _judge(self, node: Mapping[str, Any], scope: frozenset[str]) -> None:
        kind, class_ = node.get("type"), node.get("class")
        self.joins |= kind == "JOIN" or class_ == "SUBQUERY"
        if class_ is not None:
            if class_ not in _EXPRESSIONS:
                self.problems.append(f"it is no query ({_words(class_)})")
            elif class_ == "FUNCTION":
                self._function(node)
            elif class_ == "WINDOW" and (node.get("catalog") or node.get("schema")):
                self.problems.append(f"`{_name(node)}`: functions of a database may run code; use DuckDB's own")
            elif kind == "ARRAY_EXTRACT":
                self._subscript(node["children"])
        elif kind == "BASE_TABLE":
            self._table(node, scope)
        elif kind == "TABLE_FUNCTION":
            name = str(node["function"].get("function_name", "")).lower()
            if name not in _TABLE_FUNCTIONS:
                self.problems.append(f"{name}(...) is no table that may be read ({_near(name, _TABLE_FUNCTIONS)})")
        elif isinstance(kind, str) and kind not in _QUERIES | _TABLES | _PARTS:
            self.problems.append(f"it is no query ({_words(kind)})")

    def _table(self, node: Mapping[str, Any], scope: frozenset[str]) -> None:
        parts = [part for part in (node["catalog_name"], node["schema_name"], node["table_name"]) if part]
        name = str(node["table_name"]).lower()
        if node.get("at_clause"):
            self.problems.append("VERSION and TIMESTAMP AS OF are not taken here")
        if len(parts) == 1 and name in scope:
            return
        if [part.lower() for part in parts[:-1]] not in ([], [self.database]):
            self.problems.append(
                f"`{'.'.join(parts)}` is no registered table: only tables of database `{self.database}` may be read, "
                "no files, folders or other databases"
            )
        elif name not in self.tables:
            there = ", ".join(sorted(self.tables))
            self.problems.append(
                f"`{parts[-1]}` is no registered table ({_near(name, self.tables)}); there are: {there}"
            )
        else:
            self.used.add(name)

    def _function(self, node: Mapping[str, Any]) -> None:
        name = str(node["function_name"]).lower()
        arguments = [each.get("expression") or each for each in node.get("arguments", ())]
        if node.get("catalog") or node.get("schema"):
            self.problems.append(f"`{_name(node)}`: functions of a database may run code; use DuckDB's own")
        elif _FUNCTIONS_REFUSED.fullmatch(name):
            self.problems.append(f"{name}(): it looks at the session, or runs SQL")
        elif name in ("date_part", "datepart") and arguments and _constant(arguments[0]) in _DAYS:
            self.problems.append(
                f"extract({_constant(arguments[0])} ...): each engine begins the week on another day; use isodow, "
                "1 is Monday (in Spark dayofweek_iso, in Athena day_of_week)"
            )

    def _subscript(self, children: list[Mapping[str, Any]]) -> None:
        literal = children[1].get("literal") or {}
        if literal.get("kind") in ("INTEGER", "BIGINT"):
            self.problems.append(
                f"[{literal.get('text')}]: Spark counts an array's elements from 0, others from 1; "
                "use element_at(array, n), 1 is the first everywhere"
            )


def _name(node: Mapping[str, Any]) -> str:
    return ".".join(part for part in (node.get("catalog"), node.get("schema"), node.get("function_name")) if part)


def _constant(node: Mapping[str, Any]) -> str:
    return str((node.get("literal") or {}).get("text", "")).lower()


def _unparsed(sql: str, tree: Mapping[str, Any]) -> str:
    message = str(tree.get("error_message", "")).split("\n", maxsplit=1)[0]
    if tree.get("error_type") != "not implemented":
        where = f" (character {tree['position']})" if "position" in tree else ""
        return f"it cannot be parsed: {message or 'there is nothing in it'}{where}"
    found = re.search(r"[A-Za-z]+", re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL))
    word = found[0].upper() if found else ""
    if word in ("SET", "RESET", "USE", "PRAGMA"):
        return f"{word} changes the session"
    if word in ("EXPLAIN", "DESCRIBE", "DESC", "SHOW", "SUMMARIZE"):
        return f"it is no query ({word.lower()})"
    return f"it writes or defines something ({word.lower()}); the query job only reads"


def _words(kind: str) -> str:
    return kind.replace("_", " ").lower()


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"did you mean `{near[0]}`?" if near else "nothing has a name like it"


def _refused(problems: list[str]) -> ProblemsError:
    return ProblemsError("the query", [*problems[:-1], f"{problems[-1]}; {_TODO}"])
