"""The S3 server of the tests is one that Spark, boto3 and delta-rs all reach, and that refuses who may not write."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from pyspark.sql import SparkSession

from support.s3 import S3Server


def test_what_spark_writes_to_s3_delta_rs_reads(spark: SparkSession, s3_lake: str) -> None:
    from deltalake import DeltaTable

    table = f"{s3_lake}/curated/probe"
    rows = spark.range(100).selectExpr("id", "id % 3 AS part")
    rows.write.format("delta").partitionBy("part").save(table.replace("s3://", "s3a://"))
    assert DeltaTable(table).to_pyarrow_dataset().count_rows() == 100
    assert spark.read.format("delta").load(table).count() == 100


def test_an_object_that_is_there_is_not_put_again_where_it_must_be_absent(s3_lake: str, s3_service: S3Server) -> None:
    where = {"Bucket": s3_service.bucket, "Key": f"{s3_lake.rsplit('/', 1)[1]}/lease"}
    client = s3_service.client()
    client.put_object(**where, Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(**where, Body=b"2", IfNoneMatch="*")


def test_a_reader_may_not_write(s3_service: S3Server) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        s3_service.client("reader").put_object(Bucket=s3_service.bucket, Key="refused", Body=b"1")
