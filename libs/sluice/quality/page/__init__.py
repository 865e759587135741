"""The page a run writes: what came in, where each record went, what was checked; one file, nothing from elsewhere."""
