-- _requeue: prepended where a call goes back to be taken again, at once or after a delay.
-- USES _life
-- A call's header is "job index attempt deadline(ms) deaths"; an entry has that of its first call.
local function handed_out(calls_key, entry)  -- the header and the payloads
  local found, payloads = redis.call('XRANGE', calls_key, entry, entry)[1], {}
  if not found then return nil, payloads end
  for k = 4, #found[2], 2 do payloads[#payloads + 1] = found[2][k] end
  return found[2][2], payloads
end

-- What a header says: job, index, attempt, deadline, deaths; nil for what is no header of ours.
local function parts_of(header)
  local id, index, attempt, deadline, deaths =
    string.match(header or '', '^(%S+) (%d+) (%d+) (%d+) (%d+)$')
  index, attempt, deadline, deaths = whole(index), whole(attempt), whole(deadline), whole(deaths)
  if index and attempt and deadline and deaths then return id, index, attempt, deadline, deaths end
end

-- Nobody here wrote it: it goes where people can see it, just as it came.
local function bury_stranger(dead_key, header, payloads)
  local fields = {'c', header}
  for k = 1, math.min(#payloads, 9) do
    fields[2 * k + 1], fields[2 * k + 2] = 'p', payloads[k]
  end
  redis.call('XADD', dead_key, 'MAXLEN', '~', '10000', '*', unpack(fields))
  redis.call('PEXPIRE', dead_key, 7 * DAY)
end

-- The header and the payload of the call *index* of an entry, and the payloads that follow it.
local function call_of(calls_key, entry, index)
  local header, payloads = handed_out(calls_key, entry)
  local id, first, attempt, deadline, deaths = parts_of(header)
  local at = id and whole(index) and 1 + index - first
  if not at or not payloads[at] then return '', '', {} end
  header = string.format('%s %s %.0f %.0f %.0f', id, index, attempt, deadline, deaths)
  return header, payloads[at], {unpack(payloads, at + 1)}
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
