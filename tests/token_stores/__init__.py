"""The stores that come with the library: one protocol, and a file that keeps its promises whatever happens to it."""
