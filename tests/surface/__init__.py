"""The public surface: every name that a host may use, found by introspection."""
