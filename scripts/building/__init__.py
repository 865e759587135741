"""What scripts/build does: a commit becomes a release, which is a folder of files and their manifest."""
