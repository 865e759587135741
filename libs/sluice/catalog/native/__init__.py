"""Queries without Spark: DuckDB over the files that a lake's Delta logs name. The only folder that imports duckdb."""
