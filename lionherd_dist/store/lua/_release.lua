-- _release: prepended where calls become available. Moves calls from a job's backlog into the
-- shared stream while the job has fewer in hand than its limit and than twice the workers' slots,
-- and fewer unread outcomes than its consumer has room for. Needs _life before it.
local NOBODY_YET = 100  -- window while no worker is known: work for the first that comes

local function window_of(slots_key)
  local slots = tonumber(redis.call('HGET', slots_key, '*') or 0)
  return slots > 0 and 2 * slots or NOBODY_YET
end

local function release(calls_key, job_key, id, job, window)
  local room = math.min(job.limit > 0 and job.limit or window, window)
               - redis.call('HLEN', job_key .. ':hand')
  room = math.min(room, job.consumed + job.cap - job.released)
  if room <= 0 then return end
  local payloads = redis.call('LPOP', job_key .. ':backlog', room)
  if not payloads then return end
  local hand = {}
  for i, payload in ipairs(payloads) do
    local index = string.format('%d', job.released + i - 1)
    hand[2 * i - 1] = index
    hand[2 * i] = redis.call('XADD', calls_key, '*',
      'c', id .. ' ' .. index .. ' 1 ' .. job.deadline .. ' 0', 'p', payload)
  end
  for first = 1, #hand, 2000 do  -- Lua's unpack ends near 8,000 values
    redis.call('HSET', job_key .. ':hand', unpack(hand, first, math.min(first + 1999, #hand)))
  end
  live_with_job(job_key .. ':hand')
  job.released = redis.call('HINCRBY', job_key, 'released', #payloads)
end
