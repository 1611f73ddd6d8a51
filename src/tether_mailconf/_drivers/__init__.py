"""The outside world, in two colours: sockets, threads, event loops, TLS, name look-up and what may be dialled.

The only package that may import asyncio, socket, ssl or threading. It knows no mail protocol.
"""
