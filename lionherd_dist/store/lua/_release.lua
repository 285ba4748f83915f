-- _release: prepended where calls become available. A job's calls go from its backlog into the
-- shared stream while it has fewer in hand than its limit and than twice the workers' slots, and
-- fewer unread outcomes than its consumer has room for. (_tokens: some need a token, too;
-- _streak: where the limit is 1, several may come in one entry.)
-- USES _life
-- USES _moved
-- USES _grown
-- USES _streak
local NOBODY_YET = 100  -- window while no worker is known: work for the first that comes

local function window_of(slots_key)
  local slots = whole(redis.call('HGET', slots_key, '*'), 0, LAST_WHOLE / 2) or 0
  return slots > 0 and 2 * slots or NOBODY_YET
end

local function room_of(house, held, job, most)
  local window = 2  -- at least
  if job.limit < 1 or job.limit > window then
    house.window = house.window or window_of(house.slots)
    window = house.window
  end
  local room = math.min(job.limit > 0 and job.limit or window, window) - held
  return math.min(room, job.consumed + job.cap - job.released, most or room)
end

-- Moves calls of a job, at most as many as it has room for; returns the first index, and how many.
local function move(house, job_key, id, job, most, leaving)
  local key, backlog, hand, count = job_key .. ':hand', job_key .. ':backlog', {}, 0
  local held = redis.call('HLEN', key)
  local room = room_of(house, held - (leaving or 0), job, most)
  if job.limit == 1 and not job.limiter and room > 0 and may_move(house) then
    return move_streak(house, job_key, id, job, held)
  end
  local head, tail = id .. ' ', ' 1 ' .. job.deadline .. ' 0'
  while count < room and may_move(house) do
    local wanted = math.min(room - count, count_movable(house, job.largest))
    local payloads = redis.call('LPOP', backlog, wanted) or {}
    for _, payload in ipairs(payloads) do
      local index = string.format('%d', job.released + count)
      hand[2 * count + 1] = index
      hand[2 * count + 2] = redis.call('XADD', house.calls, '*',
        'c', head .. index .. tail, 'p', payload)
      note_moved(house, #payload)
      count = count + 1
    end
    if #payloads < wanted then room = count end  -- there are no more
  end
  if count < room and redis.call('EXISTS', backlog) == 1 then put_behind(house, id) end
  if count == 0 then return job.released, 0 end
  local outgrows = outgrows_list(held, count)
  if outgrows then redis.call('HSET', key, LONG, '') end
  for first = 1, #hand, 2000 do  -- Lua's unpack ends near 8,000 values
    redis.call('HSET', key, unpack(hand, first, math.min(first + 1999, #hand)))
  end
  if outgrows then redis.call('HDEL', key, LONG) end
  if held == 0 then live_with_job(key) end
  local first = job.released
  job.released = first + count
  redis.call('HSET', job_key, 'released', job.released, 'done', job.done)
  return first, count
end
