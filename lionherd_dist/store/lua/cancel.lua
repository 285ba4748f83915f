-- cancel: drop what has not started of a job, tell the workers that run the rest.
-- USES _jobs
-- USES _requeue
-- KEYS 1 calls: stream of released calls
-- KEYS 2 control: stream of cancelled job ids, read by every worker
-- KEYS 3 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 4 parked: hash, "job index" -> "attempt payload"
-- KEYS 5 prefix: what every key of the namespace begins with
-- ARGV 1 control_ttl (ms) | 2 jobs (count) | 3 the job ids
-- RETURN for each job: calls still running (count); 0 when the job is over
local calls_key, control, due, parked, prefix = unpack(KEYS)
local keys = {calls = calls_key, due = due, parked = parked}

local function id_of(entry)  -- "ms-sequence"
  local ms, sequence = string.match(entry, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local function delivered_upto()  -- the newest entry that any worker was given
  local groups = redis.pcall('XINFO', 'GROUPS', calls_key)
  for i = 1, #(groups[1] or {}), 2 do
    if groups[1][i] == 'last-delivered-id' then return id_of(groups[1][i + 1]) end
  end
  return 0, 0
end

local upto_ms, upto_sequence = delivered_upto()
local reply = {}
for i = 3, 2 + tonumber(ARGV[2]) do
  local id, running = ARGV[i], 0
  local job_key = prefix .. 'job:' .. id
  local owner = redis.call('HGET', job_key, 'owner')
  local hand = owner and redis.call('HGETALL', job_key .. ':hand') or {}
  for k = 1, #hand, 2 do
    local index, entry = hand[k], hand[k + 1]
    local ms, sequence = id_of(entry)
    if entry == 'parked' then
      unpark(keys, job_key, id, index)
    elseif ms > upto_ms or ms == upto_ms and sequence > upto_sequence then
      redis.call('XDEL', calls_key, entry)
      redis.call('HDEL', job_key .. ':hand', index)
    else
      running = running + 1
    end
  end
  if running > 0 then
    redis.call('UNLINK', job_key .. ':backlog')
    redis.call('HSET', job_key, 'cancelled', 1)
    redis.call('XADD', control, 'MAXLEN', '~', '10000', '*', 'cancel', id)
    redis.call('PEXPIRE', control, ARGV[1])
  elseif owner then
    end_job(prefix, id, owner)
  end
  table.insert(reply, running)
end
return reply
