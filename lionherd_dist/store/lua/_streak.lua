-- _streak: prepended where calls are handed out. A job of which one call at a time may be in hand
-- gets several in one entry, a streak, while its calls end at once: a message there and one back
-- for each would take most of the time. The hand names the call of a streak that is next to end.
-- Those after it have not begun, as far as is known here. A worker that has a streak for a few ms
-- begins no other call of it, so one that takes its time is the only one that has begun.
-- USES _life
-- USES _moved
local MOST_IN_A_STREAK, MOST_BYTES_IN_A_STREAK = 16, 65536
local QUICK_MS = 20  -- from its hand-out: with the way to a worker and back

local function length_of_streak(job)
  return math.min(math.max(1, job.streak), MOST_IN_A_STREAK, job.consumed + job.cap - job.released,
                  math.max(1, math.floor(MOST_BYTES_IN_A_STREAK / math.max(1, job.largest))))
end

-- *entry* is over. Streaks grow while they end at once; job.streak is below 1 where that many more
-- calls, and one, are to be handed out by themselves.
local function pace(job, entry, now)
  if now - string.match(entry, '^%d+') > QUICK_MS then
    job.streak = math.min(job.streak, 1)
  elseif job.streak > 0 then
    job.streak = math.min(2 * job.streak, MOST_IN_A_STREAK)
  end
end

local function move_streak(house, job_key, id, job, held)
  local first, fields = job.released, {}
  for k, payload in ipairs(redis.call('LPOP', job_key .. ':backlog', length_of_streak(job)) or {}) do
    fields[2 * k - 1], fields[2 * k] = 'p', payload
    note_moved(house, #payload)
  end
  if #fields == 0 then return first, 0 end
  local index = string.format('%d', first)
  local entry = redis.call('XADD', house.calls, '*',
    'c', id .. ' ' .. index .. ' 1 ' .. job.deadline .. ' 0', unpack(fields))
  redis.call('HSET', job_key .. ':hand', index, entry)
  if held == 0 then live_with_job(job_key .. ':hand') end
  if job.streak < 1 then job.streak = job.streak + 1 end
  job.released = first + #fields / 2
  redis.call('HSET', job_key, 'released', job.released, 'done', job.done, 'streak', job.streak)
  return first, #fields / 2
end

-- What was to follow the call *index* goes back to where it came from; *streak* as job.streak is.
local function take_back(job_key, job, index, rest, streak)
  if #rest == 0 then return end
  local newest_first = {}
  for k = #rest, 1, -1 do newest_first[#newest_first + 1] = rest[k] end
  redis.call('LPUSH', job_key .. ':backlog', unpack(newest_first))
  live_with_job(job_key .. ':backlog')
  job.streak, job.released = streak, index + 1
  redis.call('HSET', job_key, 'released', job.released, 'streak', job.streak)
end
