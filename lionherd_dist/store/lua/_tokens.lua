-- _tokens: prepended where calls are released and end: those of some jobs need a token each.
-- USES _lend
-- A job that has calls waiting asks for tokens; they are lent when the script ends (lend_touched).
local function release(house, id, job)
  if job.limiter then
    house.asking[job.limiter] = house.asking[job.limiter] or {}
    table.insert(house.asking[job.limiter], id)
    touched[job.limiter] = true
  else
    move(house, house.prefix .. 'job:' .. id, id, job)
  end
end

local function give_back(house, id, job, indexes)  -- the tokens of calls that have their outcome
  if not job.limiter or #indexes == 0 then return end
  local members, held = {}, limiter_key(house, job.limiter) .. ':held'
  for i, index in ipairs(indexes) do members[i] = id .. '/' .. index end
  for i = 1, #members, 4000 do  -- Lua's unpack ends near 8,000 values
    redis.call('ZREM', held, unpack(members, i, math.min(i + 3999, #members)))
  end
  touched[job.limiter] = true
end

local function ask_for_tokens(house, limiter, ids)
  for _, id in ipairs(ids) do
    if redis.call('EXISTS', house.prefix .. 'job:' .. id .. ':backlog') == 1 then
      enter(house, limiter, id)
      enqueue(limiter, id)
    end
  end
end

local function lend_touched(house)  -- last in each script that touches jobs
  for name in pairs(touched) do
    local ids = house.asking[name] or {}
    local total, quarantine = 1, 0
    if ids[1] then
      local job_key = house.prefix .. 'job:' .. ids[1]
      total, quarantine = unpack(redis.call('HMGET', job_key, 'tokens', 'quarantine'))
    end
    local limiter = open_limiter(house, name, ids[1] and total, quarantine)
    if limiter then
      ask_for_tokens(house, limiter, ids)
      announce(house, limiter, lend_free(house, limiter), nil)
      close_limiter(house, limiter)
    end
  end
end
