"""The command line: ``lionherd-dist worker``, ``map`` and ``demo``."""
