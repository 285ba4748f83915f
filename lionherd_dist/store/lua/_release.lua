-- _release: prepended where calls become available. Moves calls from a job's backlog into the
-- shared stream while the job has fewer in hand than its limit and than twice the workers' slots,
-- and fewer unread outcomes than its consumer has room for.
local NUMBERS = {'limit', 'cap', 'next', 'released', 'consumed', 'done', 'total', 'deadline',
                 'cancelled'}
local NOBODY_YET = 100  -- window while no worker is known: work for the first that comes

local function load_job(job_key)
  local values = redis.call('HMGET', job_key, 'owner', 'inbox', unpack(NUMBERS))
  if not values[1] then return nil end
  local job = {owner = values[1], inbox = values[2]}
  for i, name in ipairs(NUMBERS) do job[name] = tonumber(values[i + 2]) end
  return job
end

local function window_of(slots_key)
  local slots = tonumber(redis.call('HGET', slots_key, '*') or 0)
  return slots > 0 and 2 * slots or NOBODY_YET
end

local function set_all(key, pairs_list)
  for first = 1, #pairs_list, 2000 do  -- Lua's unpack ends near 8,000 values
    redis.call('HSET', key, unpack(pairs_list, first, math.min(first + 1999, #pairs_list)))
  end
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
      'c', id .. ' ' .. index .. ' 1 ' .. job.deadline, 'p', payload)
  end
  set_all(job_key .. ':hand', hand)
  redis.call('HINCRBY', job_key, 'released', #payloads)
end
