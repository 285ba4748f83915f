"""The chaos run: real processes killed, paused and restarted while a referee watches from outside.

    run ─▶ driver ─▶ the server (AOF), the workers, the clients: all of them real processes
             │                                   │
             └─ schedule: who dies when          └─▶ files: bodies.log, client-*.log, flock'ed slots
                                                            │
           verdict ◀── referee (reads the files, knows nothing of the library) ◀──┘

Run it with ``python tests/chaos/run.py --seconds 180 --seed 1``.
"""
