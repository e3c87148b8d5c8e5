"""Coverage-guided fuzzing of what strangers write: snapshots, AWS's sentences, log lines, case files, shared texts."""
