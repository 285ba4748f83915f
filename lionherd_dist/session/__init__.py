"""A process's liveness: one session, renewed from a thread, never brought back once lost."""
