-- quit: a session ends by itself and leaves nothing; the last one leaves no key at all.
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 opened: hash, session -> highest job number it opened
-- KEYS 5 control: stream of cancelled job ids, read by every worker
-- KEYS 6 inbox: stream of outcomes for this session
-- ARGV 1 session
-- RETURN calls that the session still has in hand (count); its consumer stays while there are any
local sessions, calls_key, slots, opened, control, inbox = unpack(KEYS)
local session, pending = ARGV[1], 0

redis.call('ZREM', sessions, session)
redis.call('HDEL', opened, session)
redis.call('DEL', inbox)
local mine = redis.call('HGET', slots, session)
if mine then
  redis.call('HDEL', slots, session)
  redis.call('HINCRBY', slots, '*', -mine)
  pending = #redis.pcall('XPENDING', calls_key, 'workers', '-', '+', 1, session)
  if pending == 0 then redis.pcall('XGROUP', 'DELCONSUMER', calls_key, 'workers', session) end
end
if redis.call('EXISTS', sessions) == 0 and redis.call('XLEN', calls_key) == 0 then
  redis.call('DEL', calls_key, slots, opened, control)
end
return pending
