-- _give_on: prepended where what was in a dead hand is given on.
-- USES _cancel
local function note_death_alone(job_key, index, entry, died)
  local deaths, marked = string.match(redis.call('HGET', job_key .. ':solo', index) or '',
                                      '^(%d+) (%S*)$')
  if marked == entry then
    redis.call('HSET', job_key .. ':solo', index, ((whole(deaths) or 0) + died) .. ' ')
  end
end

local function in_hand(job_key, entry, first, count)  -- which call of the entry is
  for k = 0, count - 1 do
    local index = string.format('%d', first + k)
    if redis.call('HGET', job_key .. ':hand', index) == entry then return index end
  end
end

-- *died* is 1: with its owner; 0: nobody died of it. Of a streak, calls may have begun that were
-- not told of: they are handed out one by one from here on, to see which of them it was.
local function give_on(keys, entry, died)
  if not may_move(keys) then return end
  local header, payloads = handed_out(keys.calls, entry)
  for _, payload in ipairs(payloads) do note_moved(keys, #payload) end
  redis.call('XACK', keys.calls, 'workers', entry)
  redis.call('XDEL', keys.calls, entry)
  local id, first, attempt, deadline, deaths = parts_of(header)
  if header and not id then bury_stranger(keys.prefix .. 'dead', header, payloads) end
  local job_key = keys.prefix .. 'job:' .. (id or '')
  local index = id and in_hand(job_key, entry, first, #payloads)
  if not index then return end
  local job = load_job(job_key)
  if job and job.cancelled == 0 then
    note_death_alone(job_key, index, entry, died)
    header = string.format('%s %s %.0f %.0f %.0f', id, index, attempt + died, deadline, deaths + died)
    local at = 1 + index - first
    hand_out(keys.calls, job_key, index, header, payloads[at])
    local singly = 1 - (#payloads - at)
    take_back(job_key, job, index, {unpack(payloads, at + 1)}, died == 0 and 1 or singly)
    return true
  else
    redis.call('HDEL', job_key .. ':hand', index)
    if job then give_back(keys, id, job, {index}) end
    if job and redis.call('EXISTS', job_key .. ':hand') == 0 then
      end_cancelled(keys, keys.prefix, id, job.owner, job.inbox)
    end
  end
end
