"""The delivery stream's transformation function: records judged and enriched on their way, by the contract's own rules.

contract, suite --compile--> one Python module per dataset        when a release is built (sqlglot, Great Expectations)
Firehose's event --handler--> records --its answer                in AWS Lambda (msgspec alone, no Spark, no Arrow)
"""
