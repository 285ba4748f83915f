"""How limiters are measured: the same code for each.

``contender`` says what an adapter is, ``cases`` what is measured, ``client`` is a process that
does it, ``tally`` counts holders over all processes, ``report`` tells what came of it.
"""
