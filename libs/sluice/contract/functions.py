"""The Spark functions an expression may call, and why not the others.

Pure functions of one row that both lanes have: the same record gives the same row in every run. Left out on purpose:
those whose result can grow with a number in the data (repeat, space, sequence, array_repeat, array_insert,
format_number), since one record could then take all memory; those that stop the batch (raise_error, assert_true); and
those that make a TIMESTAMP_NTZ, which a published table must not hold.
"""

from __future__ import annotations

_ALLOWED = """
    abs acos acosh asin asinh atan atan2 atanh bin bround cbrt ceil ceiling conv cos cosh cot csc degrees exp expm1
    factorial floor greatest hex hypot least ln log log10 log1p log2 mod negative pi pmod positive pow power radians
    rint round sec sign signum sin sinh sqrt tan tanh try_add try_divide try_multiply try_subtract unhex width_bucket e
    bit_count bit_get getbit shiftleft shiftright shiftrightunsigned equal_null ilike isnan isnotnull isnull like
    regexp regexp_like rlike
    add_months convert_timezone date_add date_diff date_format date_from_unix_date date_part date_sub date_trunc dateadd
    datediff datepart day dayofmonth dayofweek dayofyear extract from_unixtime from_utc_timestamp hour last_day
    make_date make_dt_interval make_interval make_timestamp make_timestamp_ltz make_ym_interval minute month
    months_between next_day quarter second timestamp_micros timestamp_millis timestamp_seconds to_date to_timestamp
    to_timestamp_ltz to_unix_timestamp to_utc_timestamp trunc try_to_timestamp unix_date unix_micros unix_millis
    unix_seconds unix_timestamp weekday weekofyear year
    aggregate array_sort exists filter forall map_filter map_zip_with reduce transform transform_keys transform_values
    zip_with
    array array_append array_compact array_contains array_distinct array_except array_intersect array_join array_max
    array_min array_position array_prepend array_remove array_size array_union arrays_overlap arrays_zip flatten get
    slice sort_array
    ascii base64 bit_length btrim char char_length character_length chr concat_ws contains decode elt encode endswith
    find_in_set format_string initcap instr lcase left len length levenshtein locate lower lpad ltrim luhn_check mask
    octet_length overlay position printf regexp_count regexp_extract regexp_extract_all regexp_instr regexp_replace
    regexp_substr replace right rpad rtrim sentences soundex split split_part startswith substr substring
    substring_index to_binary to_char to_number to_varchar translate trim try_to_binary try_to_number ucase unbase64
    upper
    bigint binary boolean cast date decimal double float int smallint string timestamp tinyint try_cast
    cardinality concat element_at reverse size try_element_at
    coalesce if ifnull nanvl nullif nvl nvl2
    crc32 hash md5 sha sha1 sha2 xxhash64
    from_csv from_json get_json_object json_array_length json_object_keys to_csv to_json
    map map_concat map_contains_key map_entries map_from_arrays map_from_entries map_keys map_values str_to_map
    named_struct struct
    parse_url url_decode url_encode
    xpath xpath_boolean xpath_double xpath_float xpath_int xpath_long xpath_number xpath_short xpath_string
    """
ALLOWED = frozenset(_ALLOWED.split())

_ANOTHER_RUN = """
    aes_encrypt curdate current_catalog current_database current_date current_schema current_time current_timestamp
    current_timezone current_user getdate input_file_block_length input_file_block_start input_file_name localtimestamp
    monotonically_increasing_id now rand randn random randstr session_user shuffle spark_partition_id sysdate uniform
    user uuid version
    """
_MORE_ROWS = """
    any any_value approx_count_distinct approx_percentile array_agg avg bit_and bit_or bit_xor bool_and bool_or
    collect_list collect_set corr count count_if covar_pop covar_samp cume_dist dense_rank every explode explode_outer
    first first_value histogram_numeric inline inline_outer json_tuple kurtosis lag last last_value lead listagg max
    max_by mean median min min_by mode nth_value ntile percent_rank percentile percentile_approx posexplode
    posexplode_outer rank row_number session_window skewness some stack std stddev stddev_pop stddev_samp string_agg sum
    try_avg try_sum var_pop var_samp variance window
    """
_MEMORY = "array_insert array_repeat format_number repeat sequence space"
_STOPS = "assert_true raise_error"

WHY_NOT = {
    **dict.fromkeys(_ANOTHER_RUN.split(), "which may give another value in another run"),
    **dict.fromkeys(_MORE_ROWS.split(), "which is no function of one row"),
    **dict.fromkeys(_MEMORY.split(), "whose result can grow without bound with a number in the data"),
    **dict.fromkeys(_STOPS.split(), "which stops the batch"),
}

# Words that may stand before a parenthesis without being a function, types with a length among them.
_SYNTAX = """
    all and as between both by case char collate decimal div else end for from ilike in interval is leading like not
    numeric dec or over placing regexp rlike then trailing varchar when xor any some
    """
SYNTAX = frozenset(_SYNTAX.split())
