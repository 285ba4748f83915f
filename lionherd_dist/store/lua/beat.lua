-- beat: a live session lives on for one more ttl; an expired one is never brought back.
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 inbox: stream of outcomes for this session
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 ttl (ms) | 4 inbox_ttl (ms)
-- RETURN {1, now} alive | {0, now} lost
local sessions, session, now = KEYS[1], ARGV[1], clock(ARGV[2])

redis.call('ZREM', sessions, '')  -- a first write that a server at maxmemory does not refuse
if tonumber(redis.call('ZSCORE', sessions, session) or 0) <= now then return {0, now} end
redis.call('ZADD', sessions, now + ARGV[3], session)
redis.call('PEXPIRE', KEYS[2], ARGV[4])  -- outcomes wait for as long as their reader lives
return {1, now}
