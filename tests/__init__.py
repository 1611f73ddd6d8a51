"""The proofs. Run them with `nox`, or with `python -m pytest` from the top of the project."""
