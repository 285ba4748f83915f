-- _slots: prepended where workers come and go: their slots count, and so does the sum of them.
local function add_slots(slots_key, count)
  local sum = whole(redis.call('HGET', slots_key, '*')) or 0
  redis.call('HSET', slots_key, '*', math.max(0, sum + count))
end

local function take_slots(slots_key, session)
  local count = whole(redis.call('HGET', slots_key, session))
  redis.call('HDEL', slots_key, session)
  if count then add_slots(slots_key, -count) end
end
