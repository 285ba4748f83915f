-- _cancel: prepended where jobs are given up.
-- USES _tokens
-- USES _requeue
local function id_of(entry)  -- "ms-sequence"; nil for what is no entry
  local ms, sequence = string.match(entry, '^(%d+)-(%d+)$')
  ms, sequence = whole(ms), whole(sequence)
  if ms and sequence then return ms, sequence end
end

local function delivered_upto(calls_key)  -- the newest entry that any worker was given
  local groups = redis.pcall('XINFO', 'GROUPS', calls_key)
  for i = 1, #(groups[1] or {}), 2 do
    if groups[1][i] == 'last-delivered-id' then return id_of(groups[1][i + 1]) end
  end
  return 0, 0
end

-- A command for each call would hold the server up: a large fleet has thousands in hand.
local function drop(calls_key, hand_key, entries, indexes)
  for first = 1, #entries, 2000 do  -- Lua's unpack ends near 8,000 values
    local last = math.min(first + 1999, #entries)
    redis.call('XDEL', calls_key, unpack(entries, first, last))
    redis.call('HDEL', hand_key, unpack(indexes, first, last))
  end
end

-- Drops what no worker has and tells the workers of the rest; returns how many calls still run, or
-- -1 if there is more to drop than one script may: who asks is to ask again. If nobody does, a
-- worker goes on, as the job is behind. *by* is who wants it: an owner who did not is told.
local function cancel_job(keys, prefix, id, control_ttl, by)
  local job_key, running, more = prefix .. 'job:' .. id, 0, not may_move(keys)
  local job = load_job(job_key)
  if not job then return 0 end
  if more and job.cancelled == 1 then return -1 end
  local upto_ms, upto_sequence = delivered_upto(keys.calls)
  local hand, entries, indexes, parked = {}, {}, {}, {}
  if not more then hand = redis.call('HGETALL', job_key .. ':hand') end
  for k = 1, #hand, 2 do
    local index, entry = hand[k], hand[k + 1]
    local ms, sequence = id_of(entry)
    local is_parked = not ms  -- or the hand names what is no entry: there is none to be dropped
    if not is_parked and (ms < upto_ms or ms == upto_ms and sequence <= upto_sequence) then
      running = running + 1
    elseif not may_move(keys) then
      more = true
    else
      note_moved(keys, 0)
      if is_parked then
        unpark(keys, job_key, id, index)
        parked[#parked + 1] = index
      else
        entries[#entries + 1], indexes[#indexes + 1] = entry, index
      end
    end
  end
  drop(keys.calls, job_key .. ':hand', entries, indexes)
  give_back(keys, id, job, indexes)
  give_back(keys, id, job, parked)
  if running == 0 and not more then
    end_job(prefix, id, job.owner)
  elseif more or job.cancelled == 0 or redis.call('SREM', prefix .. 'behind', id) == 1 then
    redis.call('UNLINK', job_key .. ':backlog')
    redis.call('HSET', job_key, 'cancelled', 1)
    if job.cancelled == 0 or not more then  -- at last those too that came since and took some of it
      redis.call('XADD', keys.control, 'MAXLEN', '~', '10000', '*', 'cancel', id)
      redis.call('PEXPIRE', keys.control, control_ttl)
    end
    if more then put_behind(keys, id) end
  end
  if job.cancelled == 0 and job.owner ~= by then
    tell_owner(keys, prefix, id, job.owner, control_ttl)
  end
  return more and -1 or running
end
