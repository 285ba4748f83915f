-- _queue: prepended where tokens are lent. One queue, first come, first served; a job waits in it
-- as "J", once: served, it goes to the end while it has more, so that a job of a million calls is
-- one of those who wait. That an owner died is seen by whoever looks next (drop_dead).
local function enqueue(limiter, member)
  if redis.call('ZADD', limiter.queue, 'NX', limiter.ticket + 1, member) == 1 then
    limiter.ticket = limiter.ticket + 1
    limiter.bare = true
  end
end

local function has(limiter, member)  -- it waits, or holds a token
  return redis.call('ZSCORE', limiter.queue, member) or redis.call('ZSCORE', limiter.held, member)
end

local function is_job(owner) return string.find(owner, '-', 1, true) ~= nil end

local function lives(house, owner)
  if is_job(owner) then return redis.call('EXISTS', house.prefix .. 'job:' .. owner) == 1 end
  return tonumber(redis.call('ZSCORE', house.sessions, owner) or 0) > house.now
end

-- Everything of owners that are gone comes back; costs one look per owner while none is.
local function drop_owner(limiter, owner)
  redis.call('HDEL', limiter.seen, owner)
  redis.call('ZREM', limiter.queue, owner)
  for _, key in ipairs({limiter.held, limiter.queue}) do
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      if string.sub(member, 1, #owner + 1) == owner .. '/' then redis.call('ZREM', key, member) end
    end
  end
end

local function drop_dead(house, limiter)  -- returns those that live
  local living = {}
  for _, owner in ipairs(redis.call('HKEYS', limiter.seen)) do
    if lives(house, owner) then
      table.insert(living, owner)
    else
      drop_owner(limiter, owner)
    end
  end
  return living
end
