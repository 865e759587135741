"""Measures the main job, paired with others in one run, and says where its time and memory go.

`peers` (against plain Spark, DuckDB and the job people write by hand), `hourly` (an hour's batch, with and without a
long history), `memory` (one source object of 128 MB in a small driver) and `tweets` (few and many). Each prints tables
for people and, as its last line, one JSON object.
"""
