-- _settle: prepended where workers tell what became of calls. A call counts once: only while its
-- job's hand still names the very entry as which it was handed out.
-- USES _requeue
-- USES _record
-- USES _streak
-- What becomes of a call that is more than its end, and of those that were to follow it in a streak.
local function unfold(keys, id, job, index, entry, verb, detail)
  local job_key = keys.prefix .. 'job:' .. id
  local header, payload, rest = call_of(keys.calls, entry, index)
  local goes_on = job.cancelled == 0 and header ~= ''
  if verb == 'dead' then
    bury(keys, id, index, header, payload, detail, keys.dead_ttl)
  elseif verb == 'again' and goes_on then
    local attempt, delay = string.match(detail, '^(%d+) (%d+)$')
    park(keys, job_key, id, index, header, payload, attempt, keys.now + delay)
  elseif verb == 'back' and goes_on then
    hand_out(keys.calls, job_key, index, header, payload)
  end
  take_back(job_key, job, index, rest, 1)
end

-- Of *count* calls of one job, whose indexes begin at *first* and whose entries after *before*:
-- the indexes of those that ended, the news of them, how many leave the hand, the entry that
-- the last of them ended, and how many were not in hand.
local function settle(keys, id, job, first, count, before)
  local job_key, over, news = keys.prefix .. 'job:' .. id, {}, {'j', id}
  local upto, n, leaving, dropped = first + count - 1, 0, 0, 0
  local running, ended  -- entries
  local held = job and redis.call('HMGET', job_key .. ':hand', unpack(ARGV, first, upto)) or {}
  for k = 1, count do
    local index, entry = ARGV[first + k - 1], ARGV[before + k]
    local verb, detail = ARGV[upto + 2 * k - 1], ARGV[upto + 2 * k]
    if held[k] ~= entry and running ~= entry then
      dropped = dropped + 1
    else
      if verb ~= 'done' and verb ~= 'next' then
        unfold(keys, id, job, index, entry, verb, detail)
      end
      if verb ~= 'again' and verb ~= 'back' or job.cancelled == 1 then
        n = n + 1
        over[n], news[2 * n + 1], news[2 * n + 2] = index, index, detail
        if held[k] == entry then leaving = leaving + 1 end
      end
      running, ended = verb == 'next' and entry or nil, verb == 'done' and entry or nil
    end
  end
  if running then
    redis.call('HSET', job_key .. ':hand', string.format('%d', over[n] + 1), running)
  end
  return over, news, leaving, ended, dropped
end
