"""Asks Athena one query; see scripts/athena."""
