"""Do the tests notice when the code is wrong? `made` makes mutants of it, `trial` shows them to the tests."""
