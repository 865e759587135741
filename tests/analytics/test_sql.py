"""The SQL of an analysis: what may stand in it, so that windows can be reckoned one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightings import analysis, definitions
from sluice.contract.analysis_sql import filled, one_row_per_key, problems_of, sql_fingerprint
from sluice.contract.load import load_contract, load_sql, parse_contract
from sluice.contract.model import Windows
from sluice.errors import ContractError, UsageError

pytestmark = pytest.mark.lane("spark-4.1")
WINDOWS = Windows("m", "at", 30, 5, "window_start")
SOUND = """
    SELECT window.start AS window_start, country, count(1) AS total
    FROM m GROUP BY window(at, :window, :slide), country
"""


def problems(text: str) -> list[str]:
    return problems_of(text, WINDOWS)


def test_the_shipped_analyses_hold() -> None:
    for name in ("sentiment_by_country", "channels_by_hour"):
        contract = load_contract(name)
        assert contract.windows is not None
        assert problems_of(load_sql(contract)[0], contract.windows) == []


def test_a_query_of_one_select_with_the_windows_of_the_contract_holds() -> None:
    assert problems(SOUND) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT FROM (", "does not parse"),
        (f"{SOUND}; DROP TABLE m", "expected one SELECT"),
        ("SELECT 1 AS one", "does not read its source `m`"),
        (SOUND.replace("FROM m", "FROM m JOIN other ON true"), "reads `other`"),
        (SOUND.replace("FROM m", "FROM m AS a JOIN m AS b ON a.x = b.x"), "has a join"),
        (SOUND.replace("FROM m", "FROM parquet.`/etc`"), "reads `parquet"),
        (SOUND + " LIMIT 3", "has LIMIT"),
        (SOUND.replace(":slide", "'10 seconds'"), "expected window(at, :window, :slide), found"),
        (SOUND.replace("window(at", "window(sent"), "expected window(at, :window, :slide), found"),
        (SOUND.replace("GROUP BY window(at, :window, :slide), country", "GROUP BY country"), "has no window("),
        (SOUND.replace("count(1)", "first(country)"), "calls `first`"),
        (SOUND.replace("count(1)", "collect_list(country)"), "calls `collect_list`"),
        (SOUND.replace("count(1)", "count(1) + rand()"), "calls `rand`, which may give another value in another run"),
        (SOUND.replace("count(1)", "max(current_timestamp)"), "calls `current_timestamp`"),
        (SOUND.replace("count(1)", "nosuch(1)"), "calls `nosuch`, which is no function"),
        (SOUND.replace("count(1)", "java_method('a', 'b')"), "calls `java_method`"),
        (SOUND.replace("FROM m", "FROM m WHERE at > (SELECT max(at) FROM m)"), "has a subquery that is no FROM"),
        (f"SELECT window_start, count(1) AS n FROM ({SOUND})", "has an aggregate without GROUP BY"),
        (f"SELECT country, sum(total) AS n FROM ({SOUND}) GROUP BY country", "has a GROUP BY without the window"),
        (f"SELECT window_start, rank() OVER (ORDER BY total) AS r FROM ({SOUND})", "PARTITION BY does not name"),
        (f"SELECT * FROM ({SOUND})", "has a `*`"),
        (SOUND.replace("country, count", ":country AS country, count"), "has a parameter that nothing fills in"),
    ],
)
def test_what_could_look_beyond_its_window_or_give_other_rows_in_another_run_is_refused(text: str, told: str) -> None:
    assert any(told in problem for problem in problems(text)), problems(text)


def test_all_problems_are_told_at_once() -> None:
    text = SOUND.replace("count(1)", "first(country) + rand()").replace("FROM m", "FROM other") + " LIMIT 2"
    assert len(problems(text)) >= 5


def test_windows_are_filled_in_and_nothing_else() -> None:
    text = "SELECT ':x', window(at, :window, :slide), :windows"
    assert filled(text, WINDOWS) == "SELECT ':x', window(at, '30 seconds', '5 seconds'), :windows"


def test_comments_and_blanks_are_no_other_sql_and_a_word_is() -> None:
    assert sql_fingerprint(SOUND) == sql_fingerprint(f"-- why\n{SOUND}   ")
    assert sql_fingerprint(SOUND) != sql_fingerprint(SOUND.replace("count", "max"))


def test_a_key_is_unique_by_shape_only_where_all_that_is_grouped_by_is_in_it() -> None:
    assert one_row_per_key(SOUND, ("window_start", "country"))
    assert not one_row_per_key(SOUND, ("window_start",))
    assert not one_row_per_key(SOUND, ("country",))
    assert not one_row_per_key(f"SELECT window_start, country FROM ({SOUND})", ("window_start", "country"))


def yaml_with(*changes: tuple[str, str]) -> str:
    text = (Path(__file__).parents[2] / "schemas/sentiment_by_country/v1.yaml").read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("window: 30 seconds", "window: half a minute", "expected a duration such as 30 seconds"),
        ("slide: 5 seconds", "slide: 1 minute", "slide: expected from window / 1,000 to window"),
        ("windowStart: window_start", "windowStart: window_begin", "`window_begin` is no column of this contract"),
        ("windowStart: window_start", "windowStart: window_end", "has to be part of the primary key"),
        ("by: country", "by: land", "`land` is no column of a group"),
        ("parts: [positive,", "parts: [country,", "`country` is no column of whole numbers"),
        ("      eventTime: event_time\n", "", "expected {source, eventTime, window, slide, windowStart}"),
        ("  - name: sentiment_by_country\n    physicalType", "  - name: raw\n    physicalType", "expected one object"),
        ("property: analysis", "property: analyses", "expected two objects"),
    ],
)
def test_a_contract_whose_windows_do_not_hold_is_refused(before: str, after: str, told: str) -> None:
    with pytest.raises(ContractError) as error:
        parse_contract(yaml_with((before, after)), "schemas/a/v1.yaml")
    assert told in str(error.value)


def test_an_analysis_of_another_dataset_or_a_dataset_for_an_analysis_is_refused(tmp_path: Path) -> None:
    from sluice.analytics.definition import load_analysis

    with pytest.raises(UsageError, match="looks at app_messages"):
        load_analysis("sentiment_by_country", "tweets")
    with pytest.raises(UsageError, match="it has no setting `analysis`"):
        load_analysis("app_messages", "app_messages")
    folder = definitions(tmp_path, sql="SELECT 1 LIMIT 1", yaml=yaml_with(("event_time\n", "sent_at\n")))
    with pytest.raises(ContractError) as error:
        analysis(folder=folder)
    assert {"LIMIT", "sent_at", "does not read"} <= {
        w for w in ("LIMIT", "sent_at", "does not read") if w in str(error.value)
    }


def test_what_makes_the_rows_is_in_the_fingerprint_and_pictures_are_not(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "schemas/sentiment_by_country/v1.sql").read_text()
    same = analysis(folder=definitions(tmp_path, yaml=yaml_with(("parts: [positive,", "parts: [total,"))))
    other = analysis(folder=definitions(tmp_path, sql=text.replace("min(latitude)", "max(latitude)")))
    assert same.contract.fingerprint == analysis().contract.fingerprint != other.contract.fingerprint
