"""One contender a file; ``harness.contender`` says what a file must hold.

A peer is imported only inside the functions that its own processes call: the program that compares
them all runs in an environment that has none of them.
"""
