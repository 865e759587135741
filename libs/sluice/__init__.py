"""Raw Firehose JSON to curated Delta tables, exactly once."""

__version__ = "0.1.0"
