"""Do the tests notice when the code is wrong? `made` makes mutants of it, `trial` shows them to the tests.

`left` holds each run to `left.txt`, which says what is not noticed, and why.
"""
