"""Structured concurrency inside one process, on anyio: asyncio, uvloop and trio."""

from lionherd_dist.local.retry import retry

__all__ = ["retry"]
