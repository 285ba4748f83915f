"""One CapacityLimiter over all processes: who waits, who holds, and what if either dies."""
