-- _release: prepended where calls become available. A job's calls go from its backlog into the
-- shared stream while it has fewer in hand than its limit and than twice the workers' slots, and
-- fewer unread outcomes than its consumer has room for. (_tokens: some need a token, too.)
-- USES _life
local NOBODY_YET = 100  -- window while no worker is known: work for the first that comes

local function window_of(slots_key)
  local slots = tonumber(redis.call('HGET', slots_key, '*') or 0)
  return slots > 0 and 2 * slots or NOBODY_YET
end

-- Moves calls of a job, at most as many as it has room for; returns the first index, and how many.
local function move(house, job_key, id, job, most)
  house.window = house.window or window_of(house.slots)
  local window = house.window
  local room = math.min(job.limit > 0 and job.limit or window, window)
               - redis.call('HLEN', job_key .. ':hand')
  room = math.min(room, job.consumed + job.cap - job.released)
  room = math.min(room, most or room)
  local payloads = room > 0 and redis.call('LPOP', job_key .. ':backlog', room)
  if not payloads then return job.released, 0 end
  local hand, head, tail = {}, id .. ' ', ' 1 ' .. job.deadline .. ' 0'
  for i, payload in ipairs(payloads) do
    local index = string.format('%d', job.released + i - 1)
    hand[2 * i - 1] = index
    hand[2 * i] = redis.call('XADD', house.calls, '*', 'c', head .. index .. tail, 'p', payload)
  end
  for first = 1, #hand, 2000 do  -- Lua's unpack ends near 8,000 values
    redis.call('HSET', job_key .. ':hand', unpack(hand, first, math.min(first + 1999, #hand)))
  end
  live_with_job(job_key .. ':hand')
  local first = job.released
  job.released = redis.call('HINCRBY', job_key, 'released', #payloads)
  return first, #payloads
end
