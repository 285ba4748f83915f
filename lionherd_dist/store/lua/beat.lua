-- beat: a live session lives on for one more ttl; an expired one is never brought back.
-- USES _life
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 inbox: stream of outcomes for this session
-- KEYS 3 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 ttl (ms) | 4 inbox_ttl (ms)
-- RETURN {1, now} alive | {0, now} lost
local sessions, inbox, prefix = unpack(KEYS)
local session, now = ARGV[1], clock(ARGV[2])

redis.call('ZREM', sessions, '')  -- a first write that a server at maxmemory does not refuse
if tonumber(redis.call('ZSCORE', sessions, session) or 0) <= now then return {0, now} end
redis.call('ZADD', sessions, now + ARGV[3], session)
redis.call('PEXPIRE', inbox, ARGV[4])  -- outcomes wait for as long as their reader lives
renew_shared(prefix)
renew_jobs(prefix, session, now)
renew_jobs(prefix, '', now)
return {1, now}
