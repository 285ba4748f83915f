"""How this project scales, one thing varied at a time.

``cases`` says what is varied, ``client`` and ``worker`` are the processes, ``tasks`` what they run,
``report`` makes tables, charts and targets of it.
"""
