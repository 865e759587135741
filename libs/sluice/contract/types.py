"""The Spark types a contract may use, read without Spark."""

from __future__ import annotations

import re
from dataclasses import dataclass

ALIASES = {
    "byte": "tinyint",
    "short": "smallint",
    "integer": "int",
    "long": "bigint",
    "real": "float",
    "dec": "decimal",
    "numeric": "decimal",
}
SCALARS = (
    "string",
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal",
    "date",
    "timestamp",
    "binary",
)
# A JSON value as its text; only in raw.
JSON = "json"
KNOWN = (*(name if name != "decimal" else "decimal(p,s)" for name in SCALARS), "array<..>", "struct<..>", "map<..>")
KNOWN_IN_RAW = (*KNOWN, JSON)

# What each logicalType of the standard may be in Spark.
LOGICAL = {
    "string": ("string", "binary", JSON),
    "integer": ("tinyint", "smallint", "int", "bigint", "decimal"),
    "number": ("float", "double", "decimal"),
    "boolean": ("boolean",),
    "date": ("date",),
    "timestamp": ("timestamp",),
    "object": ("struct", "map", JSON),
    "map": ("map",),
    "array": ("array", JSON),
}

_TOKEN = re.compile(r"\s*(?:(`(?:[^`]|``)+`)|(\w+)|(\S))")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DEEPEST = 50


class TypeTextError(ValueError):
    """Raised for text that is no type of ours; the message goes into the list of problems."""


@dataclass(frozen=True)
class SparkType:
    """A type: `kind` is its word (`decimal`), `fields` a struct's names and types, `parts` what array and map hold."""

    kind: str
    text: str
    fields: tuple[tuple[str, SparkType], ...] = ()
    parts: tuple[SparkType, ...] = ()

    @property
    def ddl(self) -> str:
        """The type as Spark knows it: the text of a JSON value is a string, at every depth."""
        if self.kind == JSON:
            return "string"
        if self.kind == "struct":
            return f"struct<{','.join(f'{quoted(name)}:{field.ddl}' for name, field in self.fields)}>"
        return f"{self.kind}<{','.join(part.ddl for part in self.parts)}>" if self.parts else self.text

    def walk(self) -> list[SparkType]:
        """This type and all within it."""
        below = [*self.parts, *(field for _, field in self.fields)]
        return [self, *(found for part in below for found in part.walk())]


def quoted(name: str) -> str:
    """`name` as Spark SQL reads it: backquoted where it is no plain word."""
    return name if _PLAIN.fullmatch(name) else "`" + name.replace("`", "``") + "`"


def parse_type(text: str) -> SparkType:
    """Spark DDL, in which `json` is a type too -> type; `Array<Long>` -> array<bigint>. Raises TypeTextError."""
    reader = _Reader(text)
    found = reader.type(depth=0)
    reader.end()
    return found


def precision_and_scale(found: SparkType) -> tuple[int, int]:
    """`decimal(p,s)` -> (p, s)."""
    precision, scale = found.text.removeprefix("decimal(").removesuffix(")").split(",")
    return int(precision), int(scale)


class _Reader:
    """Recursive descent over the tokens of one type."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [match.group().strip() for match in _TOKEN.finditer(text) if match.group().strip()]
        self.at = 0

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str) -> None:
        found = self.next()
        if found != wanted:
            raise TypeTextError(f"expected `{wanted}`, found {f'`{found}`' if found else 'the end'} in `{self.text}`")

    def end(self) -> None:
        if self.peek():
            raise TypeTextError(f"nothing may follow the type, found `{self.peek()}` in `{self.text}`")

    def type(self, depth: int) -> SparkType:
        if depth > _DEEPEST:
            raise TypeTextError(f"types nest at most {_DEEPEST} deep")
        word = self.next().lower()
        kind = ALIASES.get(word, word)
        if kind == "decimal":
            return self.decimal()
        if kind == JSON or kind in SCALARS:
            return SparkType(kind, kind)
        if kind == "array":
            return self.parts(kind, 1, depth)
        if kind == "map":
            return self.parts(kind, 2, depth)
        if kind == "struct":
            return self.struct(depth)
        raise TypeTextError(f"`{word or self.text}` is not a type a contract may use")

    def decimal(self) -> SparkType:
        digits = [10, 0]
        if self.peek() == "(":
            self.take("(")
            digits = [self.number(), 0]
            if self.peek() == ",":
                self.take(",")
                digits[1] = self.number()
            self.take(")")
        precision, scale = digits
        if not (1 <= precision <= 38 and 0 <= scale <= precision):
            raise TypeTextError(f"decimal(p,s) needs 1 <= p <= 38 and 0 <= s <= p, found decimal({precision},{scale})")
        return SparkType("decimal", f"decimal({precision},{scale})")

    def number(self) -> int:
        found = self.next()
        if not (found.isascii() and found.isdigit() and len(found) < 4):
            raise TypeTextError(f"expected a number, found `{found}` in `{self.text}`")
        return int(found)

    def parts(self, kind: str, count: int, depth: int) -> SparkType:
        self.take("<")
        found = [self.type(depth + 1)]
        for _ in range(count - 1):
            self.take(",")
            found.append(self.type(depth + 1))
        self.take(">")
        if kind == "map" and found[0].kind != "string":
            raise TypeTextError(f"the key of a map is string, as in JSON; found {found[0].text}")
        return SparkType(kind, f"{kind}<{','.join(part.text for part in found)}>", parts=tuple(found))

    def struct(self, depth: int) -> SparkType:
        self.take("<")
        fields: list[tuple[str, SparkType]] = []
        while True:
            name = self.next()
            if name.startswith("`"):
                name = name[1:-1].replace("``", "`")
            elif not re.fullmatch(r"\w+", name):
                raise TypeTextError(f"expected the name of a struct field, found `{name}` in `{self.text}`")
            if self.peek() == ":":
                self.take(":")
            if name.lower() in (other.lower() for other, _ in fields):
                raise TypeTextError(
                    f"struct field `{name}` is there twice (Spark does not tell upper and lower case apart)"
                )
            fields.append((name, self.type(depth + 1)))
            if self.peek() != ",":
                break
            self.take(",")
        self.take(">")
        text = ",".join(f"{quoted(name)}:{field.text}" for name, field in fields)
        return SparkType("struct", f"struct<{text}>", fields=tuple(fields))
