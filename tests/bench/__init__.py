"""What sending and filing costs, ours and others', side by side in one run.

`python -m tests.bench [--quick] [--out DIR] [part ...]` measures, prints tables and writes JSON and plots;
`python -m tests.bench.page DIR` writes them into the documentation. Nothing here asserts a time.
"""
