"""What a host writes, as mypy and pyright see it."""
