"""The limiter's chaos run: holders killed and paused, the total resized, a referee outside.

    run ─▶ driver ─▶ the server; six processes of sixteen coroutines that take a limiter's tokens;
             │       two workers, whose calls need a token each
             │                                   │
             ├─ kills, pauses, resizes           └─▶ files: holds.log, bodies.log, slots ──┐
             ├─ jobs: their calls wait for tokens with everybody else                      │
             └─ counter: what the server says of a limiter, all the time ──▶ referee ◀─────┘

Code takes tokens by a block, at once or not at all, or together with one of a second limiter. Run
it with ``python tests/chaos_limiter/run.py --seconds 100 --seed 1``. Files, slots, places, records
and what any run is judged by are those of the other chaos run, ``tests/chaos``.
"""
