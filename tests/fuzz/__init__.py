"""Fuzzing of every parser: `python -m tests.fuzz` runs long, `test_corpus.py` replays what was found worth keeping."""
