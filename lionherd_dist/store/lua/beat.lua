-- beat: a live session lives on for one more ttl; an expired one is never brought back.
-- USES _life
-- USES _enrol
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 inbox: stream of outcomes for this session
-- KEYS 3 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 ttl (ms) | 4 inbox_ttl (ms)
-- ARGV | 5 slots (count) | 6 the names of its tasks | 7 host:pid of its process: as for hello, and
-- only where the last beat said that they are not known
-- RETURN {1, now} alive | {2, now} alive, and what it brings is not known any more | {0, now} lost
local sessions, inbox, prefix = unpack(KEYS)
local session, now = ARGV[1], clock(ARGV[2])

redis.call('ZREM', sessions, '')  -- a first write that a server at maxmemory does not refuse
if tonumber(redis.call('ZSCORE', sessions, session) or 0) <= now then return {0, now} end
redis.call('ZADD', sessions, now + ARGV[3], session)
redis.call('PEXPIRE', inbox, ARGV[4])  -- outcomes wait for as long as their reader lives
renew_shared(prefix)
renew_jobs(prefix, session, now)
renew_jobs(prefix, '', now)
if ARGV[5] then
  enrol({calls = prefix .. 'calls', slots = prefix .. 'slots', names = prefix .. 'names',
         places = prefix .. 'places'}, session, argument(5, 0, MOST_SLOTS), ARGV[6], ARGV[7])
end
return {is_enrolled(prefix, session) and 1 or 2, now}
