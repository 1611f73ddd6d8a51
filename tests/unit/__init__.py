"""What needs no server: values, and the rules they keep."""
