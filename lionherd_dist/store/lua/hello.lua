-- hello: register a session; a worker's slots count from now on.
-- USES _life
-- USES _enrol
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 names: hash, session -> the tasks that a worker knows
-- KEYS 5 control: stream of cancelled job ids, read by every worker
-- KEYS 6 prefix: what every key of the namespace begins with
-- KEYS 7 places: hash, session -> host:pid of its process, /, its token
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 ttl (ms) | 4 slots (count, 0 = a client)
-- ARGV | 5 the names of its tasks, with a space after each | 6 its place (as above)
-- RETURN {} the name is taken | {now, the last id of the control stream}
local sessions, calls_key, slots, names, control, prefix, places = unpack(KEYS)
local session, now = ARGV[1], clock(ARGV[2])
if redis.call('ZSCORE', sessions, session) then return {} end

redis.call('ZREM', sessions, '')  -- a first write that a server at maxmemory does not refuse
redis.call('ZADD', sessions, now + ARGV[3], session)
enrol({calls = calls_key, slots = slots, names = names, places = places}, session,
  argument(4, 0, MOST_SLOTS), ARGV[5], ARGV[6])
renew_shared(prefix)
local last = redis.call('XREVRANGE', control, '+', '-', 'COUNT', 1)[1]
return {now, last and last[1] or '0-0'}
