-- quit: a session ends by itself and leaves nothing; the last one leaves no key at all.
-- USES _slots
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 opened: hash, session -> highest job number it opened
-- KEYS 5 names: hash, session -> the tasks that a worker knows
-- KEYS 6 control: stream of cancelled job ids, read by every worker
-- KEYS 7 inbox: stream of outcomes for this session
-- KEYS 8 owned: zset, job that this session has open -> renewed at (ms)
-- KEYS 9 places: hash, session -> host:pid of its process, /, its token
-- ARGV 1 session
-- RETURN 1 gone | 0 something was still its own, which the others' next reap will see to
local sessions, calls_key, slots, opened, names, control, inbox, owned, places = unpack(KEYS)
local session = ARGV[1]

redis.call('HDEL', opened, session)
redis.call('HDEL', names, session)
redis.call('HDEL', places, session)
redis.call('DEL', inbox)
take_slots(slots, session)
local clean = true
if redis.call('EXISTS', owned) == 1 then  -- whoever reaps next gives its jobs up
  redis.call('ZADD', sessions, 0, session)  -- also where the server had forgotten it
  clean = false
else
  redis.call('ZREM', sessions, session)
end
if #redis.pcall('XPENDING', calls_key, 'workers', '-', '+', 1, session) > 0 then
  clean = false  -- a consumer without a session: whoever reaps next gives its calls on
else
  redis.pcall('XGROUP', 'DELCONSUMER', calls_key, 'workers', session)
end
if redis.call('EXISTS', sessions) == 0 and redis.call('XLEN', calls_key) == 0 then
  redis.call('DEL', calls_key, slots, opened, names, control)
end
return clean and 1 or 0
