-- _tokens: prepended where calls are released and end: those of some jobs need a token each.
-- USES _jobs
-- USES _release
-- LATER _lend_all
-- A job that has calls waiting asks for tokens; they are lent when the script ends (lend_touched).
local function release(house, id, job, leaving)
  if job.limiter then
    house.asking[job.limiter] = house.asking[job.limiter] or {}
    table.insert(house.asking[job.limiter], id)
    touched[job.limiter] = true
    return 0
  end
  return select(2, move(house, house.prefix .. 'job:' .. id, id, job, nil, leaving))
end

local function give_back(house, id, job, indexes)  -- the tokens of calls that have their outcome
  if not job.limiter or #indexes == 0 then return end
  local members, held = {}, limiter_key(house.prefix, job.limiter) .. ':held'
  for i, index in ipairs(indexes) do members[i] = id .. '/' .. index end
  for i = 1, #members, 4000 do  -- Lua's unpack ends near 8,000 values
    redis.call('ZREM', held, unpack(members, i, math.min(i + 3999, #members)))
  end
  touched[job.limiter] = true
end

local function lend_touched(house)  -- last in each script that touches jobs
  if next(touched) then _lend_all(house) end
end
