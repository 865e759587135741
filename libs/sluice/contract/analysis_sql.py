"""An analysis' SQL: one SELECT over its source, window by window, that gives the same rows in every run.

Rows of the windows that new messages touch are reckoned again and no others, from the messages of these windows alone.
That is right only where a row depends on nothing but the messages of its own window. So what is allowed is named here,
and what is not allowed by name is refused:

- `FROM` the source, a subquery or a CTE; no joins, no other table, no LIMIT (what comes first is chosen by rank);
- `window(<event time>, :window, :slide)` (`:slide` may be left out where it is `:window`), filled in from the contract;
- every GROUP BY names the window, and so does every PARTITION BY of a ranking function;
- functions of one row (as a contract's expressions), and aggregates whose result does not depend on the order of rows:
  `avg` and `sum` are among them, but not of doubles, which Spark tells later (`analytics.definition`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from sluice.contract.functions import ALLOWED, SYNTAX, WHY_NOT
from sluice.contract.model import Windows
from sluice.contract.problems import did_you_mean

AGGREGATES = frozenset("avg bool_and bool_or count count_if every max mean min some sum".split())
RANKS = frozenset("dense_rank rank row_number".split())
_WORDS = frozenset("exists filter group having over partition select union where with".split())
_PARAMETER = re.compile(r":(window|slide)\b")
_CALL = re.compile(r"\w+")
# sqlglot takes a `window(` in a GROUP BY for the beginning of a WINDOW clause, so it is given another name.
_WINDOW, _WINDOW_CALL = "time_window", re.compile(r"\bwindow\s*\(", re.IGNORECASE)


def problems_of(text: str, windows: Windows) -> list[str]:
    """All that is wrong with the SQL of an analysis, as far as it can be told without Spark; empty where it holds."""
    try:
        tokens = sqlglot.tokenize(text, read="spark")
        parsed = _parsed(text)
    except (SqlglotError, RecursionError) as error:
        found = getattr(error, "errors", None)
        told = f"{found[0]['description']} (line {found[0]['line']})" if found else str(error).splitlines()[0]
        return [f"does not parse: {told}"]
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        return ["expected one SELECT, without a `;` after it"]
    root = parsed[0]
    names = _window_names(root, windows)
    problems = [*_calls(tokens), *_tables(root, windows), *_shapes(root), *_windows(root, windows)]
    return list(dict.fromkeys([*problems, *_groups(root, names)]))


def filled(text: str, windows: Windows) -> str:
    """`text` with the contract's windows in place of `:window` and `:slide`."""
    seconds = {"window": windows.window_seconds, "slide": windows.slide_seconds}
    return _PARAMETER.sub(lambda found: f"'{seconds[found[1]]} seconds'", text)


def sql_fingerprint(text: str) -> str:
    """sha256 in hex over what the SQL says, blanks and comments aside."""
    said = [token.text for token in sqlglot.tokenize(text, read="spark")]
    return hashlib.sha256("\x00".join(said).encode()).hexdigest()


def columns_named(text: str) -> set[str]:
    """Words of the SQL in lower case, among which are the names of all columns that it looks at."""
    return {token.text.lower() for token in sqlglot.tokenize(text, read="spark")}


def one_row_per_key(text: str, key: tuple[str, ...]) -> bool:
    """Whether the outermost GROUP BY alone makes `key` unique: each of its expressions is, or is the window of, a key.

    False means that it has to be counted.
    """
    root = _parsed(text)[0]
    if not isinstance(root, exp.Select):
        return False
    group = root.args.get("group")
    if group is None or any(value for name, value in group.args.items() if name != "expressions"):
        return False
    keys = {one.unalias().sql(dialect="spark") for one in root.selects if one.alias_or_name in key}
    grouped = ["window.start" if _is_window(one) else one.sql(dialect="spark") for one in group.expressions]
    return bool(grouped) and set(grouped) <= keys


def _parsed(text: str) -> list[exp.Expr | None]:
    return sqlglot.parse(_WINDOW_CALL.sub(f"{_WINDOW}(", text), read="spark")


def _calls(tokens: list[sqlglot.Token]) -> Iterator[str]:
    allowed = ALLOWED | AGGREGATES | RANKS | {"window"}
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.token_type in (TokenType.STRING, TokenType.NUMBER) or not _CALL.fullmatch(token.text):
            continue
        name = token.text.lower()
        another_run = WHY_NOT.get(name, "") == WHY_NOT["now"]
        if after is None or after.token_type != TokenType.L_PAREN:
            # Some are called without parentheses; a column may be called `user` or `version` all the same.
            if another_run and name.startswith(("current_", "localtime")):
                yield f"calls `{name}`, {WHY_NOT[name]}"
        elif before is not None and before.token_type == TokenType.DOT:
            yield f"calls `{name}` of something: only Spark's own functions may be called, by plain name"
        elif name in allowed or name in SYNTAX or name in _WORDS or token.token_type == TokenType.ALIAS:
            continue
        elif another_run:
            yield f"calls `{name}`, {WHY_NOT[name]}"
        elif name in WHY_NOT:
            yield f"calls `{name}`, whose result may depend on the order of rows, or on rows of other windows"
        elif not _names_a_cte(before, token):
            yield f"calls `{name}`, which is no function that an analysis may use{did_you_mean(name, allowed)}"


def _names_a_cte(before: sqlglot.Token | None, token: sqlglot.Token) -> bool:
    return before is not None and before.token_type == TokenType.WITH


def _tables(root: exp.Query, windows: Windows) -> Iterator[str]:
    own = {one.alias.lower() for one in root.find_all(exp.CTE)}
    found = list(root.find_all(exp.Table))
    for table in found:
        name = table.sql(dialect="spark", comments=False).split(" AS ")[0]
        if name.lower() not in own and name != windows.source:
            yield f"reads `{name}`: an analysis reads its source `{windows.source}` and nothing else"
    if not any(table.name == windows.source for table in found):
        yield f"does not read its source `{windows.source}`"


def _shapes(root: exp.Query) -> Iterator[str]:
    refused = {
        exp.Join: "has a join: what other tables add belongs into the source's contract",
        exp.Limit: "has LIMIT, which is no rule for one window: rank within the window and choose by rank",
        exp.Offset: "has OFFSET, which is no rule for one window",
        exp.TableSample: "has TABLESAMPLE, which gives other rows in another run",
        exp.Star: "has a `*`: name the columns (for counting rows write count(1))",
        exp.Placeholder: "has a parameter that nothing fills in; there are :window and :slide",
    }
    for kind, words in refused.items():
        for node in root.find_all(kind):
            if isinstance(node, exp.Star) and isinstance(node.parent, exp.Count):
                continue
            if isinstance(node, exp.Placeholder) and node.name in ("window", "slide"):
                continue
            yield words
    for query in root.find_all(exp.Query):
        if query is root or isinstance(query, exp.Subquery) or isinstance(query.parent, exp.CTE | exp.SetOperation):
            continue
        if not (isinstance(query.parent, exp.Subquery) and isinstance(query.parent.parent, exp.From)):
            yield "has a subquery that is no FROM: it would look at messages of other windows"


def _windows(root: exp.Query, windows: Windows) -> Iterator[str]:
    calls = [one for one in root.find_all(exp.Func) if _is_window(one)]
    same = windows.window_seconds == windows.slide_seconds
    expected = f"window({windows.event_time}, :window{'' if same else ', :slide'})"
    if not calls:
        yield f"has no {expected}: its rows have to be those of windows"
    for call in calls:
        given = _arguments(call)
        names = [one.name if isinstance(one, exp.Column | exp.Placeholder) else "" for one in given]
        fits = [names[0] == windows.event_time, names[1:] in ([["window", "slide"]] + ([["window"]] if same else []))]
        if not all(fits) or not all(isinstance(one, exp.Placeholder) for one in given[1:]):
            yield f"expected {expected}, found {call.sql(dialect='spark').replace(_WINDOW, 'window')}"


def _is_window(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() == _WINDOW


def _arguments(call: exp.Expr) -> list[exp.Expr]:
    return list(call.expressions) or [exp.Null()]


def _window_names(root: exp.Query, windows: Windows) -> set[str]:
    """Names of columns that tell a row's window, in this query or below: a window itself, or its start or end."""
    names = {"window", windows.start.lower()}
    while True:
        found = {
            one.alias.lower()
            for one in root.find_all(exp.Alias)
            if not isinstance(one.this, exp.AggFunc) and _tells(one.this, names)
        }
        if found <= names:
            return names
        names |= found


def _tells(node: exp.Expr, names: set[str]) -> bool:
    """Whether `node` is a window or a part of one."""
    if isinstance(node, exp.Dot):
        return _tells(node.this, names)
    return _is_window(node) or (isinstance(node, exp.Column) and any(part.name.lower() in names for part in node.parts))


def _groups(root: exp.Query, names: set[str]) -> Iterator[str]:
    for select in root.find_all(exp.Select):
        group = select.args.get("group")
        if group is not None and not any(_tells(one, names) for one in group.expressions):
            yield "has a GROUP BY without the window: name it there, its number or ALL will not do"
        if group is None and any(_of(select, one) for one in select.find_all(exp.AggFunc)):
            yield "has an aggregate without GROUP BY, which would look at all windows at once"
    for over in root.find_all(exp.Window):
        if not any(_tells(one, names) for one in over.args.get("partition_by") or ()):
            yield "has an OVER whose PARTITION BY does not name the window"


def _of(select: exp.Select, node: exp.Expr) -> bool:
    """Whether an aggregate belongs to `select` itself: not to a query within it, and to no OVER."""
    return node.find_ancestor(exp.Select) is select and not isinstance(node.parent, exp.Window)
