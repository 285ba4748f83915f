-- beat: a live session lives on for one more ttl; an expired one is never brought back.
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 ttl (ms)
-- RETURN {1, now} alive | {0, now} lost
local sessions, session, now = KEYS[1], ARGV[1], clock(ARGV[2])

redis.call('ZREM', sessions, '')  -- a first write that a server at maxmemory does not refuse
if tonumber(redis.call('ZSCORE', sessions, session) or 0) <= now then return {0, now} end
redis.call('ZADD', sessions, now + ARGV[3], session)
return {1, now}
