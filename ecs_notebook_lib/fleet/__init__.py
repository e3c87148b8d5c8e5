"""Many services at once: which fail, how much harm it does, and which of them fail for the same reason."""
