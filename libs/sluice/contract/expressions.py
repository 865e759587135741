"""Check a Spark SQL expression without Spark: it parses, is a function of one row alone, and names what there is.

What only Spark can tell (the type of the result, values that raise or wrap) is told by `curate.probe`.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from sluice.contract.functions import ALLOWED, SYNTAX, WHY_NOT
from sluice.contract.problems import did_you_mean
from sluice.contract.scope import Checked, Scope, resolve

# Spark reads these strings as instants of the run when they are cast to date or timestamp.
_MOVING_TEXT = re.compile(r"\s*(now|today|tomorrow|yesterday)\b", re.IGNORECASE)
_LONGEST = 20_000
_WIDEST_PAD = 10_000
_WORD = re.compile(r"\w+")
_OPENS = {TokenType.R_PAREN: TokenType.L_PAREN, TokenType.R_BRACKET: TokenType.L_BRACKET}
_NO_NAMES = (TokenType.STRING, TokenType.NUMBER)


def check_expression(text: str, scope: Scope, what: str) -> Checked:
    """Check `text` against the names in `scope`; `what` is how the problems call it (`transformLogic`)."""
    checked = Checked()
    root = _parse(text, what, checked)
    if root is None:
        return checked
    for node in root.walk():
        _check_node(node, what, checked)
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            resolve([part.name for part in node.parts], scope, what, checked)
    return checked


def check_source(text: str, scope: Scope, what: str, checked: Checked) -> None:
    """One entry of transformSourceObjects: a name as it is, or a path into a struct (`user.id`)."""
    path = [text]
    if not scope.get(text):
        column = _parse(text, what, Checked())
        if isinstance(column, exp.Column) and not isinstance(column.this, exp.Star):
            path = [part.name for part in column.parts]
    resolve(path, scope, what, checked)


def _parse(text: str, what: str, checked: Checked) -> exp.Expr | None:
    """One expression, or None and a problem."""
    if not text.strip() or len(text) > _LONGEST:
        checked.add(f"{what} is {'longer than 20,000 characters' if text.strip() else 'empty'}")
        return None
    try:
        tokens = sqlglot.tokenize(text, read="spark")
        if not _is_one(tokens, what, checked):
            return None
        _check_calls(tokens, what, checked)
        found = sqlglot.parse(text, read="spark")
    except SqlglotError as error:
        checked.add(f"{what} does not parse: {_reason(error)}")
        return None
    except RecursionError:
        checked.add(f"{what} does not parse: it nests too deep")
        return None
    root = found[0] if len(found) == 1 else None
    if isinstance(root, exp.Condition | exp.Query):
        return root
    checked.add(f"{what} is not one expression, which is all it may be (no statement, no alias, no list)")
    return None


def _reason(error: SqlglotError) -> str:
    """The parser's own reason with line and column, without the text around it."""
    for found in getattr(error, "errors", ()):
        if found.get("description"):
            said = "something is missing" if "<class" in found["description"] else found["description"].rstrip(".")
            return f"{said} (line {found['line']}, column {found['col']})"
    return str(error).splitlines()[0]


def _is_one(tokens: list[Token], what: str, checked: Checked) -> bool:
    """Parentheses match (the parser forgives some that do not) and no `;` ends the expression early."""
    opened: list[Token] = []
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            checked.add(f"{what} has a `;`, but must be one expression")
            return False
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET):
            opened.append(token)
        elif token.token_type in _OPENS and (not opened or opened.pop().token_type != _OPENS[token.token_type]):
            where = f"line {token.line}, column {token.col}"
            checked.add(f"{what} does not parse: nothing opens the `{token.text}` ({where})")
            return False
    if opened:
        last = opened[-1]
        checked.add(f"{what} does not parse: nothing closes the `{last.text}` (line {last.line}, column {last.col})")
    return not opened


def _check_calls(tokens: list[Token], what: str, checked: Checked) -> None:
    """Functions by the name that is written: the parser renames many, and Spark knows some that it does not."""
    for before, token, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        if after.token_type != TokenType.L_PAREN or token.token_type in _NO_NAMES or not _WORD.fullmatch(token.text):
            continue
        name = token.text.lower()
        if before is not None and before.token_type == TokenType.DOT:
            checked.add(
                f"{what} calls `{name}` of something, but only Spark's own functions may be called, by plain name"
            )
        elif name in WHY_NOT:
            checked.add(f"{what} calls `{name}`, {WHY_NOT[name]}")
        elif name not in ALLOWED and name not in SYNTAX:
            hint = did_you_mean(name, ALLOWED)
            checked.add(f"{what} calls `{name}`, which is no function that a contract may use{hint}")


def _check_node(node: exp.Expr, what: str, checked: Checked) -> None:
    if isinstance(node, exp.Query):
        checked.add(f"{what} has a subquery, but must be a function of one row")
    elif isinstance(node, exp.Window):
        checked.add(f"{what} has a window, but must be a function of one row")
    elif isinstance(node, exp.Star):
        checked.add(f"{what} has a `*`: name the fields")
    elif isinstance(node, exp.Placeholder | exp.Parameter | exp.SessionParameter):
        checked.add(f"{what} has a parameter, but nothing fills it in")
    elif type(node).__name__.startswith(("Current", "Localtime", "SessionUser")):
        checked.add(f"{what} depends on when or where it runs, so another run may give another value")
    elif isinstance(node, exp.Literal) and node.is_string and _MOVING_TEXT.match(node.this) and _is_cast(node.parent):
        checked.add(f"{what} casts '{node.this}' to an instant, which another run reads otherwise")
    elif isinstance(node, exp.Pad) and not _is_small(node.expression):
        checked.add(f"{what} pads to a width that is not a number of at most {_WIDEST_PAD}")


def _is_cast(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Cast | exp.TryCast | exp.TsOrDsToDate | exp.TsOrDsToTimestamp | exp.StrToTime)


def _is_small(node: exp.Expr | None) -> bool:
    return (
        isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit() and int(node.this) <= _WIDEST_PAD
    )
