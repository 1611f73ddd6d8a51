"""What is left of a message when everything around it fails: the network, the servers, the disk, the process.

Two tenants send at the same time, many messages each, while one kind of fault strikes at random. Then all is well
again, the host recovers from what it was told and from its journals, and the servers are asked what they have seen:
each message was accepted once or is honestly unknown, has exactly one copy, and was signed in for by its own tenant.

`scenarios` is the list; test_scenarios.py runs each in a short form, `python -m tests.faults` in a long one. The random
numbers come from a seed, which every failure tells.
"""
