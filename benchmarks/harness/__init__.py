"""What measures: the same code for every contender.

``contender`` says what an adapter is, ``environment`` gives each its own virtual environment,
``stage`` starts its processes beside a private server, ``client`` and ``worker`` are those
processes, ``gauges`` tells what they use, ``figures`` turns rounds into medians and ratios,
``report`` into tables and targets, ``chart`` into pictures.
"""
