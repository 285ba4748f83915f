-- _requeue: prepended where a call goes back to be taken again, at once or after a delay.
-- USES _life
-- A call's header is "job index attempt deadline(ms) deaths".
local function handed_out(calls_key, entry)  -- the header and the payload of an entry
  local found = redis.call('XRANGE', calls_key, entry, entry)[1]
  if found then return found[2][2], found[2][4] end
end

local function hand_out(calls_key, job_key, index, header, payload)
  local entry = redis.call('XADD', calls_key, '*', 'c', header, 'p', payload)
  live_on(calls_key)
  redis.call('HSET', job_key .. ':hand', index, entry)
end

local function park(keys, job_key, id, index, entry, attempt, due_at)
  local header, payload = handed_out(keys.calls, entry)
  if not header then return end
  local rest = string.match(header, '^%S+ %d+ %d+ (%d+ %d+)$')
  redis.call('HSET', keys.parked, id .. ' ' .. index, attempt .. ' ' .. rest .. ' ' .. payload)
  redis.call('ZADD', keys.due, due_at, id .. ' ' .. index)
  live_on(keys.parked)
  live_on(keys.due)
  redis.call('HSET', job_key .. ':hand', index, 'parked')
end

local function unpark(keys, job_key, id, index)
  redis.call('ZREM', keys.due, id .. ' ' .. index)
  redis.call('HDEL', keys.parked, id .. ' ' .. index)
  redis.call('HDEL', job_key .. ':hand', index)
end
