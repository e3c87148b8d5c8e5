"""Knowledge as data: read operations, messages, causes, weights, and what a task needs from IAM."""
