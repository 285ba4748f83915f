-- _ask: prepended where jobs ask for tokens: those that have calls waiting.
-- USES _lend
local function ask_for_tokens(house, limiter, ids)
  for _, id in ipairs(ids) do
    if redis.call('EXISTS', house.prefix .. 'job:' .. id .. ':backlog') == 1 then
      enter(house, limiter, id)
      enqueue(limiter, id)
    end
  end
end
