-- _lend: prepended where tokens may have become free.
-- USES _jobs
-- USES _release
-- USES _limiter
-- USES _held
-- USES _queue
-- Calls of a job are released, each with its token; it goes to the end of the queue for the rest.
local function lend_to_job(house, limiter, id, free)
  local job_key = house.prefix .. 'job:' .. id
  local job = load_job(job_key)
  if not job then return 0 end
  local alone = redis.call('EXISTS', limiter.queue) == 0
  local first, count = move(house, job_key, id, job, alone and free or 1)
  for k = 0, count - 1 do hold(limiter, id .. '/' .. string.format('%d', first + k)) end
  if count > 0 and redis.call('EXISTS', job_key .. ':backlog') == 1 then enqueue(limiter, id) end
  return count
end

local MOST_SEEN = 10000  -- of those who wait, in one script; the next one goes on

-- Lends what is free to those who wait; returns owner -> {n, fence, ...} of sessions.
local function lend_free(house, limiter)
  local lent, alive = {}, {}
  local free, seen = count_free(house, limiter), 0
  while free > 0 and seen < MOST_SEEN do
    local heads = redis.call('ZPOPMIN', limiter.queue, math.min(free, 1000))
    if #heads == 0 then break end
    seen = seen + #heads / 2
    for i = 1, #heads, 2 do
      local owner, n = request_of(heads[i])
      if not owner then
        -- Nobody here wrote it, and nobody waits for it.
      elseif n == '' then
        free = free - lend_to_job(house, limiter, owner, free - (#heads - i - 1) / 2)
      else
        if alive[owner] == nil then alive[owner] = lives(house, owner) end
        if alive[owner] then
          local list = lent[owner] or {}
          lent[owner] = list
          table.insert(list, n)
          table.insert(list, hold(limiter, heads[i]))
          free = free - 1
        end
      end
    end
  end
  write_held(limiter)
  return lent
end

-- New requests of a session: where nobody waits, and tokens are free, the first of them are lent.
-- Returns how many, and whether there were others before them, to whom tokens may have to be lent.
local function lend_or_enqueue(house, limiter, new)
  local others_wait, count, rest = redis.call('EXISTS', limiter.queue) == 1, 0, {}
  if not others_wait then
    count = math.max(0, math.min(#new, count_free(house, limiter)))
    hold_first(limiter, new, count)
    write_held(limiter)
  end
  for i = count + 1, #new do
    limiter.ticket = limiter.ticket + 1
    table.insert(rest, limiter.ticket)
    table.insert(rest, new[i])
  end
  in_parts('ZADD', limiter.queue, rest)
  limiter.bare = limiter.bare or not others_wait and #rest > 0
  return count, others_wait
end

-- Tells other sessions what they were lent, each in its own inbox; *own* gets it as the reply.
local function announce(house, limiter, lent, own)
  for owner, list in pairs(lent) do
    if owner ~= own then
      local inbox = house.prefix .. 'inbox:' .. owner
      for i = 1, #list, 2000 do
        redis.call('XADD', inbox, '*', 'l', limiter.name,
          unpack(list, i, math.min(i + 1999, #list)))
      end
      redis.call('PEXPIRE', inbox, SPACE_LIFE, 'NX')  -- its owner's next beat sets a shorter one
    end
  end
  return own and lent[own] or {}
end
