-- _enrol: prepended where a session says what it brings, which is known until it ends.
-- USES _slots
local MOST_SLOTS = 1000000

local function enrol(keys, session, count, tasks, place)
  redis.call('HSET', keys.places, session, place)
  if count == 0 then return end
  take_slots(keys.slots, session)
  redis.call('HSET', keys.slots, session, count)
  add_slots(keys.slots, count)
  redis.call('HSET', keys.names, session, tasks)
  redis.pcall('XGROUP', 'CREATE', keys.calls, 'workers', '0', 'MKSTREAM')  -- may be there already
end

-- False where somebody has deleted one of the keys, or it was set aside.
local function is_enrolled(prefix, session)
  return redis.call('HEXISTS', prefix .. 'places', session) == 1
    and redis.call('HEXISTS', prefix .. 'slots', session)
      == redis.call('HEXISTS', prefix .. 'names', session)
end
