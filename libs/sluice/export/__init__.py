"""Parquet copies of Delta tables, for readers that know Parquet and no Delta.

::

    snapshot.py    one version of a Delta table: its partitions and their files; what cannot be copied is refused
    pointer.py     `_latest.json`: the files of the copy, and of which version; what readers trust
    changes.py     which partitions changed between two versions, by the log's actions
    plan.py        which files of the copy stay and which rows are written
    writing.py     rows -> Parquet files that hold all columns; in threads, or as a Spark job where they are many
    manifests.py   the same lists in the forms that Redshift Spectrum and Hive's symlink tables read
    attempts.py    what a killed run left, and taking it away
    copy.py        one run, in order
"""
