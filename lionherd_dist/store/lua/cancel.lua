-- cancel: drop what has not started of a job, tell the workers that run the rest.
-- KEYS 1 calls: stream of released calls
-- KEYS 2 control: stream of cancelled job ids, read by every worker
-- KEYS 3 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 4 parked: hash, "job index" -> "attempt payload"
-- KEYS 5 prefix: what every key of the namespace begins with
-- ARGV 1 control_ttl (ms) | 2 jobs (count) | 3 the job ids
-- RETURN for each job: calls still running (count); 0 when the job is over
local calls_key, control, due, parked, prefix = unpack(KEYS)

local function delivered_upto()  -- the newest entry that any worker was given
  if redis.call('EXISTS', calls_key) == 0 then return '0-0' end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', calls_key)) do
    for i = 1, #group, 2 do
      if group[i] == 'last-delivered-id' then return group[i + 1] end
    end
  end
  return '0-0'
end

local function later(a, b)  -- compares entry ids: "ms-sequence"
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  if a_ms ~= b_ms then return tonumber(a_ms) > tonumber(b_ms) end
  return tonumber(a_seq) > tonumber(b_seq)
end

local upto, reply = delivered_upto(), {}
for i = 3, 2 + tonumber(ARGV[2]) do
  local id = ARGV[i]
  local job_key = prefix .. 'job:' .. id
  local owner = redis.call('HGET', job_key, 'owner')
  local running = 0
  if owner then
    redis.call('UNLINK', job_key .. ':backlog')
    local hand = redis.call('HGETALL', job_key .. ':hand')
    for k = 1, #hand, 2 do
      local index, entry = hand[k], hand[k + 1]
      if entry == 'parked' then
        redis.call('ZREM', due, id .. ' ' .. index)
        redis.call('HDEL', parked, id .. ' ' .. index)
        redis.call('HDEL', job_key .. ':hand', index)
      elseif later(entry, upto) then
        redis.call('XDEL', calls_key, entry)
        redis.call('HDEL', job_key .. ':hand', index)
      else
        running = running + 1
      end
    end
    if running == 0 then
      redis.call('DEL', job_key)
      redis.call('SREM', prefix .. 'owned:' .. owner, id)
    else
      redis.call('HSET', job_key, 'cancelled', 1)
      redis.call('XADD', control, 'MAXLEN', '~', '10000', '*', 'cancel', id)
      redis.call('PEXPIRE', control, ARGV[1])
    end
  end
  table.insert(reply, running)
end
return reply
