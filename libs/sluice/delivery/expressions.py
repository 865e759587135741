"""Spark SQL expressions -> Python source, for what is surely the same in both; all else does not carry over.

sqlglot parses, as for the check of contracts. An embedded engine was weighed: DuckDB is 65 MB beside half a MB, wants
its rows in its own shape, and means other things by casts, regular expressions, white space and overflow, so that a
list of what carries over would be needed all the same. Left out on purpose: casts between texts and numbers, patterns,
upper and lower case (tables of Unicode differ between versions), arithmetic, anything with nested values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import sqlglot
from sqlglot import exp

from sluice.raw.fields import INTEGER_BITS

_WIDTHS = tuple(INTEGER_BITS)
_COMPARED: dict[type[exp.Expr], str] = {
    exp.EQ: "eq", exp.NEQ: "ne", exp.LT: "lt", exp.LTE: "le", exp.GT: "gt", exp.GTE: "ge", exp.NullSafeEQ: "same",
}  # fmt: skip
_UNITS = {"timestamp_seconds": 1_000_000, "timestamp_millis": 1_000, "timestamp_micros": 1}
_TRIMS = {None: "trim", "BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}
_TEXT_TESTS: dict[type[exp.Expr], str] = {
    exp.StartsWith: "startswith",
    exp.EndsWith: "endswith",
    exp.Contains: "contains",
}
# What a value may be to be looked at: floats are rounded by the columns that hold them, nested values are not read.
SCALARS = frozenset([*_WIDTHS, "string", "boolean", "double", "decimal", "date", "timestamp"])


class NotCarried(Exception):
    """Raised inside this package for what has no equal in Python; the message goes into the build's list."""


@dataclass(frozen=True)
class Code:
    """Python source of one value, and its type as Spark calls it; `null` is NULL's own."""

    text: str
    kind: str

    @property
    def family(self) -> str:
        """What may be compared with what."""
        return "number" if self.kind in (*_WIDTHS, "double", "decimal") else self.kind


def translate(expression: str, names: Mapping[str, Code]) -> Code:
    """One expression over `names` (in lower case). Raises NotCarried."""
    try:
        return _code(sqlglot.parse_one(expression, read="spark"), names)
    except RecursionError as error:
        raise NotCarried("it nests too deep") from error


def compared(function: str, left: Code, right: Code) -> Code:
    """`left` and `right` as Spark compares them: a number with a double as doubles."""
    left, right = _alike([left, right])
    return Code(f"{function}({left.text}, {right.text})", "boolean")


def literal(value: object) -> Code:
    """A Python value as a literal of its own type."""
    if isinstance(value, bool) or value is None:
        return Code(repr(value), "null" if value is None else "boolean")
    if isinstance(value, int):
        return Code(repr(value), "int" if -(2**31) <= value < 2**31 else "bigint")
    if isinstance(value, float):
        return Code(repr(value), "double")
    if isinstance(value, str):
        return Code(ascii(value), "string")
    raise NotCarried(f"a {type(value).__name__} is no plain value")


def isin(value: Code, members: Sequence[Code]) -> Code:
    """`value IN (members)`, which are literals."""
    value, *members = _alike([value, *members])
    given = ", ".join(one.text for one in members if one.kind != "null")
    has_null = any(one.kind == "null" for one in members)
    return Code(f"member({value.text}, ({given}{',' if given else ''}), {has_null})", "boolean")


def _alike(codes: Sequence[Code]) -> list[Code]:
    """The values in one type that Spark, too, would compare or choose them in."""
    families = {code.family for code in codes} - {"null"}
    if not families <= SCALARS | {"number"} or len(families) > 1:
        raise NotCarried(f"it brings together {' and '.join(sorted(families))}")
    kinds = {code.kind for code in codes}
    if "decimal" in kinds and "double" not in kinds and len(kinds - {"null"}) > 1:
        raise NotCarried("it brings together decimals and integers")
    return [_as_double(code) for code in codes] if "double" in kinds else list(codes)


def _as_double(code: Code) -> Code:
    if code.kind in ("double", "null"):
        return code
    try:
        written = code.text.removeprefix("Decimal('").removesuffix("')")
        return Code(repr(float(written)), "double")  # a literal
    except ValueError:
        return Code(f"double({code.text})", "double")


def _code(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    handler = _HANDLERS.get(type(node))
    if handler is None:
        called = node.name if isinstance(node, exp.Anonymous) else type(node).__name__
        raise NotCarried(f"`{called}` is not among what carries over")
    known, make = handler
    unheeded = [key for key, value in node.args.items() if value not in (None, False, []) and key not in known]
    if unheeded:
        raise NotCarried(f"`{type(node).__name__}` with `{unheeded[0]}` is not among what carries over")
    return make(node, names)


def _this(node: exp.Expr, names: Mapping[str, Code], *, family: str = "") -> Code:
    return _of(_code(node.this, names), family)


def _of(code: Code, *families: str) -> Code:
    if families != ("",) and code.family not in (*families, "null"):
        raise NotCarried(f"it needs a {' or '.join(families)}, and is given a {code.kind}")
    return code


def _column(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    found = names.get(node.name.lower())
    if found is None:
        raise NotCarried(f"`{node.name}` is not there")
    if found.kind not in SCALARS:
        raise NotCarried(f"`{node.name}` is {found.kind}, of which nothing is read here")
    return found


def _literal(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    text = node.name
    if node.args.get("is_string"):
        return literal(text)
    if text.isdecimal():
        return literal(int(text))
    # With a point alone it is a decimal to Spark, and beside a double a double.
    return Code(repr(float(text)), "double") if "e" in text.lower() else Code(f"Decimal('{text}')", "decimal")


def _negative(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    if not isinstance(node.this, exp.Literal) or node.this.is_string:
        raise NotCarried("arithmetic is not among what carries over")
    found = _literal(node.this, names)
    return Code(f"-{found.text}", found.kind)


def _compared(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    return compared(_COMPARED[type(node)], _code(node.this, names), _code(node.expression, names))


def _joined(function: str) -> Callable[[exp.Expr, Mapping[str, Code]], Code]:
    def make(node: exp.Expr, names: Mapping[str, Code]) -> Code:
        left, right = _this(node, names, family="boolean"), _of(_code(node.expression, names), "boolean")
        return Code(f"{function}({left.text}, {right.text})", "boolean")

    return make


def _between(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    value, low, high = _code(node.this, names), _code(node.args["low"], names), _code(node.args["high"], names)
    return Code(f"and_({compared('ge', value, low).text}, {compared('le', value, high).text})", "boolean")


def _is(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    if not isinstance(node.expression, exp.Null):
        raise NotCarried("`IS` is only for NULL")
    return Code(f"({_code(node.this, names).text} is None)", "boolean")


def _in(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    members = [_code(each, names) for each in node.expressions]
    if not all(isinstance(each, exp.Literal | exp.Null | exp.Neg | exp.Boolean) for each in node.expressions):
        raise NotCarried("`IN` is only for plain values")
    return isin(_code(node.this, names), members)


def _case(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    tests = [_of(_code(one.this, names), "boolean") for one in node.args["ifs"]]
    last = node.args.get("default")
    chosen = [_code(one.args["true"], names) for one in node.args["ifs"]]
    return _chosen(tests, [*chosen, _code(last, names) if last else Code("None", "null")])


def _if(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    last = node.args.get("false")
    branches = [_code(node.args["true"], names), _code(last, names) if last else Code("None", "null")]
    return _chosen([_this(node, names, family="boolean")], branches)


def _chosen(tests: Sequence[Code], branches: Sequence[Code]) -> Code:
    *values, last = _alike(branches)
    pairs = zip(reversed(tests), reversed(values), strict=True)
    text = reduce(lambda rest, pair: f"({pair[1].text} if {pair[0].text} is True else {rest})", pairs, last.text)
    return Code(text, _widest([*values, last]))


def _widest(codes: Sequence[Code]) -> str:
    kinds = {code.kind for code in codes} - {"null"}
    if len(kinds) > 1:
        return max(kinds, key=_WIDTHS.index)
    return kinds.pop() if kinds else "null"


def _coalesce(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    codes = _alike([_code(each, names) for each in (node.this, *node.expressions)])
    return Code(f"coalesce({', '.join(code.text for code in codes)})", _widest(codes))


def _nullif(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    first = _code(node.this, names)
    left, right = _alike([first, _code(node.expression, names)])
    if left.kind != first.kind:
        raise NotCarried("`NULLIF` of a number that is compared as another type")
    return Code(f"nullif({left.text}, {right.text})", first.kind)


def _trim(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    return Code(f"{_TRIMS[node.args.get('position')]}({_this(node, names, family='string').text})", "string")


def _text_test(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    parts = [_this(node, names, family="string"), _of(_code(node.expression, names), "string")]
    return Code(f"{_TEXT_TESTS[type(node)]}({', '.join(part.text for part in parts)})", "boolean")


def _concat(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    nodes = node.expressions if isinstance(node, exp.Concat) else (node.this, node.expression)
    parts = [_of(_code(each, names), "string").text for each in nodes]
    return Code(f"concat({', '.join(parts)})", "string")


def _named(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    """Functions that the parser has no node for."""
    name, given = node.name.lower(), [_code(each, names) for each in node.expressions]
    if name in _UNITS and len(given) == 1 and given[0].kind in _WIDTHS:
        return Code(f"scaled({given[0].text}, {_UNITS[name]})", "timestamp")
    if name in ("isnull", "isnotnull") and len(given) == 1:
        return Code(f"({given[0].text} is {'not ' if name == 'isnotnull' else ''}None)", "boolean")
    raise NotCarried(f"`{name}` is not among what carries over")


def _day(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    value = _of(_code(node.this, names), "timestamp", "date")
    return value if value.kind == "date" else Code(f"day({value.text})", "date")


def _cast(node: exp.Expr, names: Mapping[str, Code]) -> Code:
    wanted, value = node.args["to"].sql(dialect="spark").lower(), _code(node.this, names)
    if wanted == value.kind:
        return value
    if wanted == "date" and value.kind == "timestamp":
        return Code(f"day({value.text})", "date")
    if value.kind in _WIDTHS and wanted == "double":
        return Code(f"double({value.text})", "double")
    if value.kind in _WIDTHS and wanted in _WIDTHS and _WIDTHS.index(wanted) > _WIDTHS.index(value.kind):
        return Code(value.text, wanted)
    raise NotCarried(f"a cast from {value.kind} to {wanted} is not among what carries over")


Handler = tuple[frozenset[str], Callable[[exp.Expr, Mapping[str, Code]], Code]]
_ONE, _TWO = frozenset(["this"]), frozenset(["this", "expression"])
_HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Column: (_ONE, _column),
    exp.Literal: (frozenset(["this", "is_string"]), _literal),
    exp.Boolean: (_ONE, lambda node, names: literal(bool(node.this))),
    exp.Null: (frozenset(), lambda node, names: literal(None)),
    exp.Paren: (_ONE, _this),
    exp.Neg: (_ONE, _negative),
    **dict.fromkeys(_COMPARED, (_TWO, _compared)),
    exp.And: (_TWO, _joined("and_")),
    exp.Or: (_TWO, _joined("or_")),
    exp.Not: (_ONE, lambda node, names: Code(f"not_({_this(node, names, family='boolean').text})", "boolean")),
    exp.Between: (frozenset(["this", "low", "high"]), _between),
    exp.Is: (_TWO, _is),
    exp.In: (frozenset(["this", "expressions"]), _in),
    exp.Case: (frozenset(["ifs", "default"]), _case),
    exp.If: (frozenset(["this", "true", "false"]), _if),
    exp.Coalesce: (frozenset(["this", "expressions"]), _coalesce),
    exp.Nullif: (_TWO, _nullif),
    exp.Trim: (frozenset(["this", "position"]), _trim),
    exp.Length: (_ONE, lambda node, names: Code(f"length({_this(node, names, family='string').text})", "int")),
    **dict.fromkeys(_TEXT_TESTS, (_TWO, _text_test)),
    exp.Concat: (frozenset(["expressions", "safe"]), _concat),
    exp.DPipe: (frozenset(["this", "expression", "safe"]), _concat),
    exp.Anonymous: (frozenset(["this", "expressions"]), _named),
    exp.TsOrDsToDate: (frozenset(["this", "safe"]), _day),
    **dict.fromkeys((exp.Cast, exp.TryCast), (frozenset(["this", "to", "safe"]), _cast)),
}
