"""Bytes to values and back: the only room that knows msgpack, and that trusts no byte.

``messages`` speaks of calls and outcomes, ``failures`` of exceptions, ``values`` of everything
else; ``limits`` says how much of it; ``signing`` says who may have written it.
"""
