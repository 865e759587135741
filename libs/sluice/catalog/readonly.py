"""Whether a text is one query that only reads registered tables, judged by Spark's own parser on what it has parsed.

The parsed, unresolved plan is walked node by node, by whatever path a node may hang on (children, subqueries, the
relations of WITH, arguments of functions). A kind of plan that is not known to read only is refused, a relation must be
a registered table by its name, and a function must be one of Spark's own that neither runs code nor reads elsewhere.
What the analyser made of it is looked at once more: only registered tables may be its leaves.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from sluice.errors import ProblemsError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Kinds of unresolved plan that read and nothing else.
_PLANS = set(
    """Aggregate Distinct Except Filter Generate GlobalLimit Intersect Join LateralJoin LocalLimit LocalRelation Offset
    OneRowRelation PipeOperator Pivot Project Sample Sort SubqueryAlias TableFunctionRelation Union Unpivot
    UnresolvedHaving UnresolvedHint UnresolvedInlineTable ResolvedInlineTable UnresolvedRelation
    UnresolvedSubqueryColumnAliases UnresolvedTVFAliases UnresolvedTableValuedFunction UnresolvedWith
    WithWindowDefinition""".split()
)
_LEAVES = {"LocalRelation", "OneRowRelation", "Range", "CTERelationRef", "UnionLoopRef", "ResolvedInlineTable"}
_RUNS_CODE = "it runs code"
_READS_FILES = "it may read files that are no table"
_FUNCTIONS_REFUSED = {
    **dict.fromkeys(("reflect", "java_method", "try_reflect"), _RUNS_CODE),
    **dict.fromkeys(("from_protobuf", "to_protobuf", "from_xml", "schema_of_xml"), _READS_FILES),
    **dict.fromkeys(("from_avro", "to_avro", "schema_of_avro"), _READS_FILES),
}
_TABLE_FUNCTIONS = set(
    "range explode explode_outer posexplode posexplode_outer inline inline_outer stack json_tuple "
    "variant_explode variant_explode_outer".split()
)
_WORDS = {
    "ScriptTransformation": "TRANSFORM ... USING runs a program",
    "PlanWithUnresolvedIdentifier": "IDENTIFIER(...) makes a name of a text",
    "CompoundBody": "BEGIN ... END is a script, not one query",
    "UnresolvedExecuteImmediate": "EXECUTE IMMEDIATE runs a text",
    "ExecuteImmediateQuery": "EXECUTE IMMEDIATE runs a text",
    "SetCommand": "SET changes the session",
    "SetCatalogAndNamespace": "USE changes the session",
    "ResetCommand": "RESET changes the session",
    "SetVariable": "SET VARIABLE changes the session",
    "Call": "CALL runs a procedure",
    "RelationTimeTravel": "VERSION and TIMESTAMP AS OF are not taken here",
}
_WRITES = re.compile(
    "Insert|Create|Drop|Merge|Delete|Update|Alter|Truncate|Replace|Append|Overwrite|Add|Load|Rename|Recover|Set|Cache|"
    "Vacuum|Optimize|Restore|Clone|Convert|Reorg|Repair|Refresh|Analyze|Comment"
)
_TODO = "ask one SELECT (or WITH ... SELECT, VALUES) over registered tables"


def check_parsed(spark: SparkSession, sql: str, database: str, tables: Mapping[str, str]) -> set[str]:
    """The names of `tables` (names -> locations) that `sql` reads; ProblemsError with all that is wrong otherwise."""
    from pyspark.errors import ParseException

    try:
        with _active(spark):
            plan = spark._jsparkSession.sessionState().sqlParser().parsePlan(sql)
    except ParseException as error:
        raise _refused([_parse_words(str(error))]) from None
    judge = _Judge(spark, database, tables)
    judge.walk(plan, frozenset())
    if judge.problems:
        raise _refused(list(dict.fromkeys(judge.problems)))
    return judge.used


@contextmanager
def _active(spark: SparkSession) -> Iterator[None]:
    """Spark's parser takes its settings from the active session, not from the one whose parser it is."""
    own: Any = spark._jsparkSession
    sessions = reduce(getattr, str(own.getClass().getName()).split("."), cast(Any, spark._jvm))
    before = sessions.getActiveSession()
    sessions.setActiveSession(own)
    try:
        yield
    finally:
        if before.isDefined():
            sessions.setActiveSession(before.get())
        else:
            sessions.clearActiveSession()


def check_analysed(rows: DataFrame, database: str, tables: Mapping[str, str]) -> None:
    """Raise ProblemsError unless all that `rows` reads are registered tables: the parser's judgement, once more."""
    plan = rows._jdf.queryExecution().analyzed()
    strangers = set()
    for part in (plan, *_items(plan.subqueriesAll())):
        for leaf in _items(part.collectLeaves()):
            if not (_simple(leaf) in _LEAVES or _is_registered(leaf, database, tables)):
                strangers.add(f"{_simple(leaf)} is no registered table")
    if strangers:
        raise _refused(sorted(strangers))


def _is_registered(leaf: Any, database: str, tables: Mapping[str, str]) -> bool:
    if _simple(leaf) != "LogicalRelation" or not leaf.catalogTable().isDefined():
        return False
    name = leaf.catalogTable().get().identifier()
    return bool(name.database().isDefined() and name.database().get() == database and name.table() in tables)


@dataclass
class _Judge:
    """Walks a parsed plan and collects what is wrong with it."""

    spark: SparkSession
    database: str
    tables: Mapping[str, str]
    problems: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    _kinds: dict[str, str] = field(default_factory=dict)

    def walk(self, node: Any, scope: frozenset[str]) -> None:
        """`scope` are the names that WITH gives to relations around `node`."""
        kind = self._kind(node)
        if kind == "plan":
            if not self._plan(node, scope):
                return
            if _simple(node) == "UnresolvedWith":
                scope |= {str(each.productElement(0)).lower() for each in _items(node.cteRelations())}
        elif kind == "expression":
            self._expression(node)
        if kind == "many":
            for each in _items(node):
                self.walk(each, scope)
        elif kind:
            for place in range(node.productArity()):
                self.walk(node.productElement(place), scope)

    def _kind(self, node: Any) -> str:
        """plan, expression, many (a collection), product (whatever else has parts) or "" (nothing to look into)."""
        from py4j.java_gateway import JavaObject, is_instance_of

        if not isinstance(node, JavaObject):
            return ""
        name = str(node.getClass().getName())
        if name not in self._kinds:
            gateway = self.spark.sparkContext._gateway
            wanted = {
                "org.apache.spark.sql.catalyst.plans.logical.LogicalPlan": "plan",
                "org.apache.spark.sql.catalyst.expressions.Expression": "expression",
                "scala.collection.Iterable": "many",
                "scala.Product": "product",
            }
            found = (kind for base, kind in wanted.items() if is_instance_of(gateway, node, base))
            self._kinds[name] = next(found, "")
        return self._kinds[name]

    def _plan(self, node: Any, scope: frozenset[str]) -> bool:
        """Judge one node of a plan; False where what hangs on it need not be looked at any more."""
        name = _simple(node)
        if name not in _PLANS or not str(node.getClass().getName()).startswith("org.apache.spark.sql.catalyst."):
            self.problems.append(_refusal(name))
            return False
        if name == "UnresolvedRelation":
            self._relation(node, scope)
        elif name == "UnresolvedTableValuedFunction":
            self._function([str(part) for part in _items(node.name())], _TABLE_FUNCTIONS)
        return True

    def _relation(self, node: Any, scope: frozenset[str]) -> None:
        parts = [str(part) for part in _items(node.multipartIdentifier())]
        if node.isStreaming() or not node.options().isEmpty():
            self.problems.append(f"`{'.'.join(parts)}`: STREAM and options of a table are not taken here")
        if len(parts) == 1 and parts[0].lower() in scope:
            return
        qualifiers = [part.lower() for part in parts[:-1]]
        if qualifiers not in ([], [self.database], ["spark_catalog", self.database]):
            self.problems.append(
                f"`{'.'.join(parts)}` is no registered table: only tables of database `{self.database}` may be read, "
                "no files, folders or other databases"
            )
        elif parts[-1].lower() not in self.tables:
            self.problems.append(
                f"`{parts[-1]}` is no registered table ({_near(parts[-1], self.tables)}); there are: "
                + ", ".join(sorted(self.tables))
            )
        else:
            self.used.add(parts[-1].lower())

    def _expression(self, node: Any) -> None:
        name = _simple(node)
        if name == "UnresolvedFunction":
            self._function([str(part) for part in _items(node.nameParts())], None)
        elif name == "ExpressionWithUnresolvedIdentifier":
            self.problems.append(_WORDS["PlanWithUnresolvedIdentifier"])
        elif "UDF" in name or name == "CallMethodViaReflection":
            self.problems.append(f"{name}: {_RUNS_CODE}")

    def _function(self, parts: list[str], allowed: set[str] | None) -> None:
        name = parts[-1].lower()
        if len(parts) > 1:
            self.problems.append(f"`{'.'.join(parts)}`: functions of a database may run code; use Spark's own")
        elif name in _FUNCTIONS_REFUSED:
            self.problems.append(f"{name}(): {_FUNCTIONS_REFUSED[name]}")
        elif allowed is not None and name not in allowed:
            self.problems.append(f"{name}(...) is no table that may be read ({_near(name, allowed)})")
        elif allowed is None and not self._is_builtin(name):
            self.problems.append(f"{name}() is no function of Spark's ({_near(name, self._builtins())})")

    @property
    def _jvm(self) -> Any:
        return self.spark._jvm

    @property
    def _registry(self) -> Any:
        return self._jvm.org.apache.spark.sql.catalyst.analysis.FunctionRegistry.builtin()

    def _is_builtin(self, name: str) -> bool:
        made = self._jvm.org.apache.spark.sql.catalyst.FunctionIdentifier.apply(name)
        return bool(self._registry.functionExists(made))

    def _builtins(self) -> list[str]:
        return [str(each.funcName()) for each in _items(self._registry.listFunction())]


def _refused(problems: list[str]) -> ProblemsError:
    return ProblemsError("the query", [*problems[:-1], f"{problems[-1]}; {_TODO}"])


def _refusal(name: str) -> str:
    if name in _WORDS:
        return _WORDS[name]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    if _WRITES.search(name):
        return f"it writes or defines something ({words}); the query job only reads"
    return f"it is no query ({words})"


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name.lower(), list(known), 1, 0.6)
    return f"did you mean `{near[0]}`?" if near else "nothing has a name like it"


def _parse_words(message: str) -> str:
    """Spark's own words on a text that it cannot parse, without its picture of the text."""
    told = " ".join(line for line in message.partition("== SQL")[0].splitlines() if line.strip())
    return "it cannot be parsed: " + re.sub(r"\s*SQLSTATE: \w+", "", told).strip()


def _simple(node: Any) -> str:
    return str(node.getClass().getSimpleName()).rstrip("$")


def _items(collection: Any) -> Iterator[Any]:
    """The elements of a Scala collection."""
    elements = collection.iterator()
    while elements.hasNext():
        yield elements.next()
