"""The only room that speaks to Redis: one method, one round trip."""
