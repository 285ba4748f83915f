-- _held: prepended where tokens are lent: what is held, each token with a fence of its own.
-- USES _limiter
local function in_parts(command, key, values)  -- Lua's unpack ends near 8,000 values
  local sum = 0
  for i = 1, #values, 4000 do
    sum = sum + redis.call(command, key, unpack(values, i, math.min(i + 3999, #values)))
  end
  return sum
end

-- Tokens that may be lent now.
local function count_free(house, limiter)
  if house.now < limiter.shut then return 0 end
  local held = redis.call('ZCARD', limiter.held)
  limiter.bare = limiter.bare or held == 0
  return limiter.total - held
end

local FENCES_PER_MICRO = 2  -- more than are ever lent: so the clock is above what was forgotten

local function last_fence(limiter) return math.max(limiter.fence, micros * FENCES_PER_MICRO) end

-- Each is held from now on; written by write_held, all in one command.
local function hold(limiter, member)
  limiter.fence = last_fence(limiter) + 1
  table.insert(limiter.holding, limiter.fence)
  table.insert(limiter.holding, member)
  return limiter.fence
end

-- A sorted set of up to 128 short members is a list, searched from its start for each of them.
-- A member longer than 64 bytes makes a tree of it, which it then stays: half the time for 50.
local MANY, LONG = 16, string.rep(' ', 65)

-- The first *count* of *members* are held from now on, in one command of their own.
local function hold_first(limiter, members, count)
  if count == 0 then return end
  local holding, at = {}, 0
  if count >= MANY then
    holding, at = {0, LONG}, 2
  end
  local fence = last_fence(limiter)
  for i = 1, count do
    holding[at + 2 * i - 1], holding[at + 2 * i] = fence + i, members[i]
  end
  limiter.fence = fence + count
  in_parts('ZADD', limiter.held, holding)
  if at > 0 then redis.call('ZREM', limiter.held, LONG) end
end

local function write_held(limiter)
  in_parts('ZADD', limiter.held, limiter.holding)
  limiter.holding = {}
end
