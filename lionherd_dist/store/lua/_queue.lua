-- _queue: prepended where tokens are lent. One queue, first come, first served; a job waits in it
-- as "J", once: served, it goes to the end while it has more, so that a job of a million calls is
-- one of those who wait. That an owner died is seen by whoever looks next (drop_dead).
local function enqueue(limiter, member)
  if redis.call('ZADD', limiter.queue, 'NX', limiter.ticket + 1, member) == 1 then
    limiter.ticket = limiter.ticket + 1
    limiter.bare = true
  end
end

-- Who waits or holds, and the number of the request, '' of a job; nil for what is neither.
local function request_of(member)
  local owner, n = string.match(member, '^([^/]+)/?(%d*)$')
  if owner and #n < 16 and (n ~= '' or owner == member) then return owner, n end
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

-- Tokens of an owner that is not among those seen would never come back: one that lives is again.
local function drop_strangers(house, limiter)
  local held, known = redis.call('ZRANGE', limiter.held, 0, -1, 'WITHSCORES'), {}
  for i = 1, #held, 2 do
    local owner, n = request_of(held[i])
    if owner and known[owner] == nil then
      known[owner] = redis.call('HEXISTS', limiter.seen, owner) == 1 or lives(house, owner)
      if known[owner] then enter(house, limiter, owner) end
    end
    if not owner or n == '' or not known[owner] or not whole(held[i + 1]) then
      redis.call('ZREM', limiter.held, held[i])
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
  drop_strangers(house, limiter)
  return living
end
