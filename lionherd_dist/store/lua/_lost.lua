-- _lost: prepended where jobs are checked: of what was accepted, something may be gone.
-- USES _tokens
local MOST_CHECKED = 16  -- calls in hand of one job, chosen anew each time

-- True if the stream of calls, or what is parked, has the call that the hand names.
local function is_there(prefix, id, index, entry)
  if entry == 'parked' then
    local name = id .. ' ' .. index
    return redis.call('HEXISTS', prefix .. 'parked', name) == 1
      and redis.call('ZSCORE', prefix .. 'due', name)
  end
  local found = redis.pcall('XRANGE', prefix .. 'calls', entry, entry)
  return found[1] ~= nil
end

-- True if each call that the server has accepted waits, is in hand, or has its outcome.
local function is_whole(prefix, id, job)
  local job_key = prefix .. 'job:' .. id
  if job.cancelled == 1 then return true end  -- it is being taken apart
  local in_hand = job.released - job.done
  if job.limit == 1 and not job.limiter then in_hand = math.min(in_hand, 1) end  -- see _streak
  if redis.call('LLEN', job_key .. ':backlog') ~= job.next - job.released then return false end
  if redis.call('HLEN', job_key .. ':hand') ~= in_hand then return false end
  if job.keep > 0 then
    local read = whole(redis.call('HGET', job_key, 'read')) or 0
    if redis.call('XLEN', job.inbox) + read < job.done then return false end
  end
  local hand = redis.call('HRANDFIELD', job_key .. ':hand', MOST_CHECKED, 'WITHVALUES')
  for k = 1, #hand, 2 do
    if not is_there(prefix, id, hand[k], hand[k + 1]) then return false end
  end
  return true
end

-- A job of which something is gone can not come to its end: it ends now, everywhere.
local function lose_job(prefix, id)
  local owner = redis.call('HGET', prefix .. 'job:' .. id, 'owner')
  end_job(prefix, id, owner or '')
  redis.call('XADD', prefix .. 'control', 'MAXLEN', '~', '10000', '*', 'cancel', id)
  live_on(prefix .. 'control')
end
