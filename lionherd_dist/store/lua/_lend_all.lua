-- _lend_all: a function of *house*, for limiters of which tokens were asked for, or came back.
-- USES _ask
-- Most scripts touch no limiter; they have no time to lose on making all that is used here.
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
