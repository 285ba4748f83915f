-- _held: prepended where tokens are lent: what is held, each token with a fence of its own.
-- USES _limiter
-- USES _grown
local function in_parts(command, key, values)  -- Lua's unpack ends near 8,000 values
  local sum = 0
  for i = 1, #values, 4000 do
    sum = sum + redis.call(command, key, unpack(values, i, math.min(i + 3999, #values)))
  end
  return sum
end

local MOST_NAMES = 10000  -- in one message, which takes a few milliseconds

local DIGITS = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'}

-- "P/first", and so on. Lua takes long to write a number: here, only every tenth is written.
local function count_on(owner, first, count)
  local names, head, digit = {}, nil, first % 10
  for i = 1, count do
    if not head or digit == 10 then
      digit = digit % 10
      local tens = (first + i - 1 - digit) / 10
      head = owner .. (tens > 0 and '/' .. tens or '/')
    end
    names[i] = head .. DIGITS[digit + 1]
    digit = digit + 1
  end
  return names
end

-- Tokens that may be lent now.
local function count_free(house, limiter)
  if house.now < limiter.shut then return 0 end
  limiter.lent = redis.call('ZCARD', limiter.held)
  limiter.bare = limiter.bare or limiter.lent == 0
  return limiter.total - limiter.lent
end

local FENCES_PER_MICRO = 2  -- more than are ever lent: so the clock is above what was forgotten

local function last_fence(limiter) return math.max(limiter.fence, micros * FENCES_PER_MICRO) end

-- Each is held from now on; all of them are written by write_held.
local function hold(limiter, member)
  limiter.fence = last_fence(limiter) + 1
  table.insert(limiter.holding, limiter.fence)
  table.insert(limiter.holding, member)
  return limiter.fence
end

-- The same for the first *count* of *members*; limiter.holding has to be empty.
local function hold_first(limiter, members, count)
  if count == 0 then return end
  local holding, fence = limiter.holding, last_fence(limiter)
  for i = 1, count do
    holding[2 * i - 1], holding[2 * i] = fence + i, members[i]
  end
  limiter.fence = fence + count
end

local function write_held(limiter)
  local outgrows = outgrows_list(limiter.lent, #limiter.holding / 2)
  if outgrows then redis.call('ZADD', limiter.held, 0, LONG) end
  in_parts('ZADD', limiter.held, limiter.holding)
  if outgrows then redis.call('ZREM', limiter.held, LONG) end
  limiter.holding = {}
end
