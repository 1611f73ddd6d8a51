"""The drivers by themselves: one web request, work that goes on, and the loopback receiver, in both colours."""
