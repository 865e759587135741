"""Raw fields and curated columns of a contract, each checked by itself; positions and keys are checked in `keys`."""

from __future__ import annotations

from dataclasses import dataclass, field

from open_data_contract_standard.model import SchemaObject, SchemaProperty

from sluice.contract.expressions import check_expression, check_source
from sluice.contract.fields import check_name, check_type, check_unheeded, inner_name_problem, named_properties
from sluice.contract.formats import check_held
from sluice.contract.model import Column, RawField, RawFormat
from sluice.contract.problems import Problems, did_you_mean
from sluice.contract.scope import Checked, Named, Scope
from sluice.contract.types import SparkType, quoted


@dataclass(frozen=True)
class Draft:
    """A column as written, before keys and partitions are looked at; `roots` are the names its value is made of."""

    place: str
    found: SchemaProperty
    type: SparkType
    expression: str | None
    sources: tuple[str, ...]
    roots: tuple[Named, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.found.name or ""

    def column(self, partition: int | None, key: int | None) -> Column:
        return Column(
            name=self.name,
            type=self.type.text,
            required=bool(self.found.required),
            expression=self.expression,
            sources=self.sources,
            partition_position=partition,
            key_position=key,
            classification=self.found.classification,
            description=self.found.description,
        )


def read_raw(found: SchemaObject, at: int, format_: RawFormat, problems: Problems) -> dict[str, Named]:
    """Raw fields by name."""
    fields: dict[str, Named] = {}
    for place, one in named_properties(found, at, problems):
        name = one.name or ""
        check_name(name, place, False, problems)
        check_unheeded(one, place, False, problems)
        type_ = check_type(one, place, False, problems)
        if type_ is not None:
            check_held(type_, format_, place, problems)
            for inner, _ in (field for one_type in type_.walk() for field in one_type.fields):
                if (problem := inner_name_problem(inner)) is not None:
                    problems.add(place, f"struct field `{inner}`: {problem}")
        fields[name] = Named(name, type_ or SparkType("unknown", "unknown"), classification=one.classification)
    return fields


def raw_fields(fields: dict[str, Named]) -> tuple[RawField, ...]:
    return tuple(RawField(named.name, named.type.text, named.classification) for named in fields.values())


def raw_scope(fields: dict[str, Named], lacking: str) -> Scope:
    return Scope(fields.values(), lacking)


def read_columns(found: SchemaObject, at: int, raw: dict[str, Named], problems: Problems) -> list[Draft]:
    """Curated columns in order; each expression sees the raw fields and the columns before it."""
    scope = raw_scope(raw, "neither raw nor an earlier column has")
    drafts: list[Draft] = []
    for place, one in named_properties(found, at, problems):
        check_name(one.name or "", place, True, problems)
        check_unheeded(one, place, True, problems)
        type_ = check_type(one, place, True, problems) or SparkType("unknown", "unknown")
        if one.transformLogic is None:
            _check_same(one, type_, raw, place, problems)
        checked = _check_logic(one, scope)
        for problem in checked.problems:
            problems.add(place, problem)
        expression = one.transformLogic.strip() if one.transformLogic is not None else None
        sources = tuple(sorted(checked.sources))  # the parser's order may change with its version
        draft = Draft(place, one, type_, expression, sources, tuple(checked.roots.values()))
        drafts.append(draft)
        scope.add(Named(draft.name, type_, curated=True))
    for draft in drafts:
        _check_encrypted(draft, drafts, problems)
    return drafts


def _check_same(one: SchemaProperty, type_: SparkType, raw: dict[str, Named], place: str, problems: Problems) -> None:
    """Without transformLogic a column is the raw field of the same name and type, as Spark has it."""
    name = one.name or ""
    field_ = raw.get(name)
    if field_ is None:
        hint = did_you_mean(name, raw)
        problems.add(place, f"has no transformLogic, and raw has no field of the same name{hint}")
    elif "unknown" not in (type_.kind, field_.type.kind) and type_.text != field_.type.ddl:
        cast = f"transformLogic: TRY_CAST({quoted(name)} AS {type_.text})"
        problems.add(place, f"is {type_.text}, but the raw field is {field_.type.ddl}: write a cast, such as {cast}")


def _check_logic(one: SchemaProperty, scope: Scope) -> Checked:
    """Problems, sources and roots; transformSourceObjects, where given, says which sources count."""
    name = one.name or ""
    if one.transformLogic is None:
        checked = Checked()
        root = scope.get(name)
        if root is not None:
            checked.roots[root.name] = root
            checked.sources[quoted(root.name)] = None
    else:
        checked = check_expression(one.transformLogic, scope, "transformLogic")
    if one.transformSourceObjects is not None:
        given = Checked()
        for source in one.transformSourceObjects:
            check_source(source, scope, "transformSourceObjects", given)
        for problem in given.problems:
            checked.add(problem)
        checked.sources = given.sources
    return checked


def _check_encrypted(draft: Draft, drafts: list[Draft], problems: Problems) -> None:
    name = draft.found.encryptedName
    if name and name not in (other.name for other in drafts if other is not draft):
        hint = did_you_mean(name, (other.name for other in drafts))
        problems.add(draft.place, f"encryptedName {name} is no other column of this contract{hint}")
