"""What ``benchmarks/cluster.py`` is made of: two contenders, the processes they run in, gauges.

``ours`` and ``raw`` offer the same three operations; ``client`` measures either of them with the
same code, ``worker`` is the other process of either, ``stage`` puts both beside a private server,
``report`` turns the figures of all rounds into a table with targets.
"""
