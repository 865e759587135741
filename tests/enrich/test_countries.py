"""Names of countries: what is surely one is found however it is written, and what is not stays."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract.load import load_contract
from sluice.enrich import countries
from sluice.enrich.countries import Country, all_countries, folded, match
from sluice.quality.load import load_suite

pytestmark = pytest.mark.lane("spark-4.1")  # neither Spark nor Delta is asked

DATA = Path(countries.__file__).parent / "data"


def code(name: str) -> str | None:
    found = match(name)
    return found.code if found else None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Côte d'Ivoire", "CI"),
        ("cote d’ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Saint Kitts and ", "KN"),
        ("St. Kitts & Nevis", "KN"),
        ("Saint Vincent and the", "VC"),
        ("Congo [DRC]", "CD"),
        ("Congo (DRC)", "CD"),
        ("Congo, Democratic Republic of the", "CD"),
        ("Congo [Republic]", "CG"),
        ("Republic of Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("DEMOCRATIC PEOPLE'S REPUBLIC OF KOREA", "KP"),
        ("Republic of China", "TW"),
        ("People's Republic of China", "CN"),
        ("Sao Tome and Principe", "ST"),
        ("  the gambia", "GM"),
        ("Virgin Islands, British", "VG"),
        ("Macedonia", "MK"),
        ("Namibia", "NA"),
        # What could be two countries is none; nor is a code, `NA` above all, or what print has damaged.
        ("Congo", None),
        ("Korea", None),
        ("Saint", None),
        ("Republic of", None),
        ("Republic of the", None),
        ("NA", None),
        ("F1]1", None),
        ("", None),
        (" ", None),
        ("Fiji" * 30, None),
    ],
)
def test_a_name_is_found_where_it_is_surely_one_country(name: str, expected: str | None) -> None:
    assert code(name) == expected


def test_every_country_and_every_variant_is_found_by_its_own_name() -> None:
    assert len(all_countries()) == 245
    assert [match(one.name) for one in all_countries()] == list(all_countries())
    with (DATA / "variants.csv").open(encoding="utf-8") as file:
        variants = list(csv.DictReader(file))
    assert [(row["name"], code(row["name"])) for row in variants] == [(row["name"], row["code"]) for row in variants]
    known = {folded(one.name): one.code for one in all_countries()}
    # A variant that is a country's own name would never be looked at.
    assert {row["name"] for row in variants if known.get(folded(row["name"]), row["code"]) != row["code"]} == set()


@given(st.sampled_from(all_countries()), st.data())
def test_case_blanks_and_punctuation_do_not_matter(country: Country, data: st.DataObject) -> None:
    change = data.draw(st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
    around = data.draw(st.text(" \t\u00a0", max_size=3))
    name = around + change(country.name).replace(" ", data.draw(st.sampled_from([" ", "  ", "-", "_"]))) + around
    assert match(name) == country


def test_a_cut_name_is_found_at_and_alone() -> None:
    """What is cut elsewhere is a part of a word, and could be any."""
    cut = [one.name[: one.name.index(" and ") + 4] for one in all_countries() if " and " in one.name]
    assert len(cut) > 10
    assert {code(name) for name in cut} == {one.code for one in all_countries() if " and " in one.name}
    assert code("Saint Kitts an") is None


def test_what_a_name_gives_changes_with_the_version_alone() -> None:
    """Who changes data or rules raises VERSION, and this record with it: what was filled says by which."""
    digest = hashlib.sha256()
    for file in ("countries.csv", "variants.csv"):
        digest.update((DATA / file).read_bytes())
    assert (countries.SOURCE, digest.hexdigest()[:16]) == ("countries@1", "fe6e10a28324046a")


def test_what_suites_know_as_countries_are_the_reference_s() -> None:
    names = {one.name for one in all_countries()}
    for dataset in ("app_messages", "country_counts"):
        suite = load_suite(dataset)
        assert suite is not None
        [known] = [one for one in suite.document["expectations"] if one["meta"]["sluice"]["name"] == "country_known"]
        assert set(known["kwargs"]["value_set"]) == names
    assert [column.name for column in load_contract("countries").columns] == list(vars(all_countries()[0]))
