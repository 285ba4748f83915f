-- _requeue: prepended where a call goes back to be taken again, at once or after a delay.
-- USES _life
-- A call's header is "job index attempt deadline(ms) deaths"; an entry has that of its first call.
local function handed_out(calls_key, entry)  -- the header and the payloads
  local found, payloads = redis.call('XRANGE', calls_key, entry, entry)[1], {}
  if not found then return nil, payloads end
  for k = 4, #found[2], 2 do payloads[#payloads + 1] = found[2][k] end
  return found[2][2], payloads
end

-- The header and the payload of the call *index* of an entry, and the payloads that follow it.
local function call_of(calls_key, entry, index)
  local header, payloads = handed_out(calls_key, entry)
  local id, first, more = string.match(header or '', '^(%S+) (%d+)( .*)$')
  if not id then return '', '', {} end
  local at = 1 + index - first
  return id .. ' ' .. index .. more, payloads[at], {unpack(payloads, at + 1)}
end

local function hand_out(calls_key, job_key, index, header, payload)
  local entry = redis.call('XADD', calls_key, '*', 'c', header, 'p', payload)
  live_on(calls_key)
  redis.call('HSET', job_key .. ':hand', index, entry)
end

local function park(keys, job_key, id, index, header, payload, attempt, due_at)
  local facts = string.match(header, '^%S+ %d+ %d+ (%d+ %d+)$')
  redis.call('HSET', keys.parked, id .. ' ' .. index, attempt .. ' ' .. facts .. ' ' .. payload)
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
