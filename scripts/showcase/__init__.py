"""The demonstration behind scripts/demo: land, curate, look, curate again."""
