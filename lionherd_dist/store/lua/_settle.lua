-- _settle: prepended where workers tell what became of calls. A call counts once: only while its
-- job's hand still names the very entry as which it was handed out.
-- USES _requeue
-- USES _record
-- USES _streak
-- Whatever is more than the end of a call that nothing follows.
local function hand_on(keys, id, job, index, entry, verb, detail)
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

-- *entry* is over, and its job's hand names a call of it that was told of long ago: this server has
-- lost the end of its log. From that call on it is handed out anew.
local function recover(keys, id, job, entry)
  local job_key = keys.prefix .. 'job:' .. id
  local index, named = unpack(redis.call('HGETALL', job_key .. ':hand'))
  if named ~= entry then return end
  if job.cancelled == 1 then
    redis.call('HDEL', job_key .. ':hand', index)
    end_cancelled(keys, keys.prefix, id, job.owner, job.inbox)
  else
    hand_on(keys, id, job, index, entry, 'back')
  end
end

-- Of *count* calls of one job, whose indexes begin at *first* and whose entries after *before*:
-- over: the indexes of those that ended; news of them; leaving: how many of them the hand names
-- (count); whole: the entry that the last of them ended; dropped: those not in hand (count).
local function settle(keys, id, job, first, count, before)
  local hand, over, news = keys.prefix .. 'job:' .. id .. ':hand', {}, {'j', id}
  local upto, n, leaving, dropped = first + count - 1, 0, 0, 0
  local running, whole  -- entries
  local held = job and redis.call('HMGET', hand, unpack(ARGV, first, upto)) or {}
  for k = 1, count do
    local index, entry = ARGV[first + k - 1], ARGV[before + k]
    local verb, detail = ARGV[upto + 2 * k - 1], ARGV[upto + 2 * k]
    if held[k] ~= entry and running ~= entry then
      dropped = dropped + 1
      if verb ~= 'next' and job and job.limit == 1 then recover(keys, id, job, entry) end
    else
      if verb ~= 'done' and verb ~= 'next' then
        hand_on(keys, id, job, index, entry, verb, detail)
      end
      if verb ~= 'again' and verb ~= 'back' or job.cancelled == 1 then
        n = n + 1
        over[n], news[2 * n + 1], news[2 * n + 2] = index, index, detail
        if held[k] == entry then leaving = leaving + 1 end
      end
      running, whole = verb == 'next' and entry or nil, verb == 'done' and entry or nil
    end
  end
  if running then redis.call('HSET', hand, string.format('%d', over[n] + 1), running) end
  return {over = over, news = news, leaving = leaving, whole = whole, dropped = dropped}
end
