-- _cancel: prepended where jobs are given up.
-- USES _tokens
-- USES _requeue
local function id_of(entry)  -- "ms-sequence"
  local ms, sequence = string.match(entry, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local function delivered_upto(calls_key)  -- the newest entry that any worker was given
  local groups = redis.pcall('XINFO', 'GROUPS', calls_key)
  for i = 1, #(groups[1] or {}), 2 do
    if groups[1][i] == 'last-delivered-id' then return id_of(groups[1][i + 1]) end
  end
  return 0, 0
end

-- Drops what no worker has and tells the workers of the rest; returns how many calls still run.
local function cancel_job(keys, prefix, id, control_ttl)
  local job_key, running = prefix .. 'job:' .. id, 0
  local job, dropped = load_job(job_key), {}
  if not job then return 0 end
  local upto_ms, upto_sequence = delivered_upto(keys.calls)
  local hand = redis.call('HGETALL', job_key .. ':hand')
  for k = 1, #hand, 2 do
    local index, entry = hand[k], hand[k + 1]
    local ms, sequence = id_of(entry)
    if entry == 'parked' then
      unpark(keys, job_key, id, index)
      table.insert(dropped, index)
    elseif ms > upto_ms or ms == upto_ms and sequence > upto_sequence then
      redis.call('XDEL', keys.calls, entry)
      redis.call('HDEL', job_key .. ':hand', index)
      table.insert(dropped, index)
    else
      running = running + 1
    end
  end
  give_back(keys, id, job, dropped)
  if running == 0 then
    end_job(prefix, id, job.owner)
  elseif job.cancelled == 0 then  -- the workers are told once
    redis.call('UNLINK', job_key .. ':backlog')
    redis.call('HSET', job_key, 'cancelled', 1)
    redis.call('XADD', keys.control, 'MAXLEN', '~', '10000', '*', 'cancel', id)
    redis.call('PEXPIRE', keys.control, control_ttl)
  end
  return running
end
