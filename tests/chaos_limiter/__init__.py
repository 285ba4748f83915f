"""The limiter's chaos run: holders killed and paused, the total resized, a referee outside.

    run ─▶ driver ─▶ the server, six processes of sixteen coroutines that take one limiter's tokens
             │                                   │
             ├─ kills, pauses, resizes           └─▶ files: holds.log, flock'ed slots ──┐
             └─ watch: what the server says of the limiter, all the time ──▶ referee ◀──┘

Run it with ``python tests/chaos_limiter/run.py --seconds 100 --seed 1``. Files, slots, places and
records are those of the other chaos run, ``tests/chaos``.
"""
