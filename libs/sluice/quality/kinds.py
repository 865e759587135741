"""Every type of expectation that Great Expectations has for everybody, and what it is to us.

ROW is the list of those whose predicate a property test has proven to be Great Expectations' own result, row by row
(tests/quality/test_predicates.py). A test holds the three tables together against what Great Expectations registers.
"""

from __future__ import annotations

# By type of expectation: where its columns stand in the arguments.
ROW: dict[str, tuple[str, ...]] = {
    "expect_column_values_to_be_between": ("column",),
    "expect_column_values_to_be_in_set": ("column",),
    "expect_column_values_to_not_be_in_set": ("column",),
    "expect_column_values_to_be_null": ("column",),
    "expect_column_values_to_not_be_null": ("column",),
    "expect_column_values_to_match_regex": ("column",),
    "expect_column_values_to_not_match_regex": ("column",),
    "expect_column_values_to_match_regex_list": ("column",),
    "expect_column_values_to_not_match_regex_list": ("column",),
    "expect_column_value_lengths_to_be_between": ("column",),
    "expect_column_value_lengths_to_equal": ("column",),
    "expect_column_pair_values_to_be_equal": ("column_A", "column_B"),
    "expect_column_pair_values_a_to_be_greater_than_b": ("column_A", "column_B"),
    "expect_column_pair_values_to_be_in_set": ("column_A", "column_B"),
    "expect_multicolumn_sum_to_equal": ("column_list",),
    "expect_multicolumn_values_to_be_equal": ("column_list",),
    "expect_select_column_values_to_be_unique_within_record": ("column_list",),
}

# They look at more than one row: at windows, at the whole batch, or at the table's columns.
GATE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        """
        expect_column_distinct_values_to_be_in_set expect_column_distinct_values_to_contain_set
        expect_column_distinct_values_to_equal_set expect_column_kl_divergence_to_be_less_than
        expect_column_max_to_be_between expect_column_mean_to_be_between expect_column_median_to_be_between
        expect_column_min_to_be_between expect_column_most_common_value_to_be_in_set
        expect_column_proportion_of_non_null_values_to_be_between
        expect_column_proportion_of_unique_values_to_be_between expect_column_quantile_values_to_be_between
        expect_column_stdev_to_be_between
        expect_column_sum_to_be_between
        expect_column_unique_value_count_to_be_between
        expect_column_value_z_scores_to_be_less_than expect_column_values_to_be_decreasing
        expect_column_values_to_be_in_type_list expect_column_values_to_be_increasing
        expect_column_values_to_be_of_type expect_column_values_to_be_unique
        expect_column_values_to_not_be_outliers
        expect_column_to_exist expect_column_type_to_be
        """.split(),
        ("column",),
    ),
    "expect_compound_columns_to_be_unique": ("column_list",),
    **dict.fromkeys(
        """
        expect_table_column_count_to_be_between expect_table_column_count_to_equal
        expect_table_columns_to_match_ordered_list expect_table_columns_to_match_set
        expect_table_row_count_to_be_between expect_table_row_count_to_equal
        """.split(),
        (),
    ),
}

# Of those: which do arithmetic.
NUMERIC = frozenset(
    """
    expect_column_mean_to_be_between expect_column_median_to_be_between expect_column_quantile_values_to_be_between
    expect_column_stdev_to_be_between expect_column_sum_to_be_between expect_column_value_z_scores_to_be_less_than
    expect_column_values_to_not_be_outliers expect_multicolumn_sum_to_equal
    """.split()
)

_PYTHON = "runs Python for every row, which would take longer than all the rest of a run"
_NOT_SPARK = "is not there for Spark in Great Expectations"
_SQL = "is SQL over the whole batch, of which nothing can be told before data is read"
REFUSED = {
    **dict.fromkeys(
        """
        expect_column_values_to_match_json_schema expect_column_values_to_be_json_parseable
        expect_column_values_to_match_strftime_format
        """.split(),
        _PYTHON,
    ),
    **dict.fromkeys(
        """
        expect_column_values_to_be_dateutil_parseable expect_column_values_to_match_like_pattern
        expect_column_values_to_match_like_pattern_list expect_column_values_to_not_match_like_pattern
        expect_column_values_to_not_match_like_pattern_list expect_multicolumn_values_to_be_unique
        expect_column_pair_cramers_phi_value_to_be_less_than
        expect_column_bootstrapped_ks_test_p_value_to_be_greater_than
        expect_column_chisquare_test_p_value_to_be_greater_than
        expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than
        """.split(),
        _NOT_SPARK,
    ),
    "unexpected_rows_expectation": _SQL,
    "expect_query_results_to_match_comparison": _SQL,
    "expect_table_row_count_to_equal_other_table": "compares with another table, and a batch has only itself",
}

# Arguments that are the run's to choose.
RUN_DECIDES = frozenset("batch_id result_format catch_exceptions windows".split())

# Great Expectations counts these rows with the row condition and the unexpected among them without it, and then finds
# its own result impossible (1.24.1).
NO_ROW_CONDITION = frozenset(["expect_column_pair_values_to_be_in_set"])
