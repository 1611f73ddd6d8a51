"""The first benchmark: round trips counted without a clock, and CPU beside the standard library's, in one run."""
