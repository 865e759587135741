"""Functions that DuckDB has not, or has under the name with another meaning: here they do as in Spark and in Athena."""

from __future__ import annotations

MACROS = {
    "element_at(a, n)": "a[n]",
    "array_join(a, between)": "array_to_string(a, between)",
    "array_max(a)": "list_max(a)",
    "array_min(a)": "list_min(a)",
    # DuckDB's counts boundaries that were crossed: from 23:59 to 00:01 is a day.
    "date_diff(unit, a, b)": "system.main.date_sub(unit, a, b)",
    "datediff(b, a)": "system.main.date_sub('day', CAST(a AS DATE), CAST(b AS DATE))",
    "dayofweek(x)": "system.main.dayofweek(x) + 1",
    "weekday(x)": "isodow(x) - 1",
    "day_of_week(x)": "isodow(x)",
    "day_of_month(x)": "dayofmonth(x)",
    "day_of_year(x)": "dayofyear(x)",
    "week_of_year(x)": "weekofyear(x)",
    # DuckDB's is to the base of 10.
    "log(x)": "ln(x)",
    "regexp_like(x, pattern)": "regexp_matches(x, pattern)",
    # DuckDB's replaces the first.
    "regexp_replace(x, pattern, new)": "system.main.regexp_replace(x, pattern, new, 'g')",
    "get_json_object(x, path)": "json_extract_string(x, path)",
    "json_extract_scalar(x, path)": "json_extract_string(x, path)",
    "approx_distinct(x)": "approx_count_distinct(x)",
    "approx_percentile(x, share)": "quantile_disc(x, share)",
    "percentile_approx(x, share)": "quantile_disc(x, share)",
}
# NULL where an argument is: DuckDB's leaves it out. Not all macros take any number of arguments.
_MOST = 12


def statements() -> list[str]:
    """What defines the functions in the connection's current schema."""
    names = [[f"x{place}" for place in range(count)] for count in range(1, _MOST + 1)]
    concat = ", ".join(f"({', '.join(of)}) AS {' || '.join(of)}" for of in names)
    return [*(f"CREATE MACRO {head} AS {body}" for head, body in MACROS.items()), f"CREATE MACRO concat {concat}"]
