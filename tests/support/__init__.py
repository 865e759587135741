"""What several tests need and no fixture should hide."""
