"""What stands behind scripts/check and scripts/test. Standard library only."""
