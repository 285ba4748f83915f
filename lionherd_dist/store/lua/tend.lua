-- tend: look after limiters: what the dead hold is lent again, the end of a pause is seen, and jobs
-- whose place the server has forgotten ask anew. (Sessions see to their own: lend.)
-- USES _ask
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 now (ms, '' = server clock) | 2 most (limiters looked at in one go)
-- RETURN limiters looked at (count)
local house = {sessions = KEYS[1], calls = KEYS[2], slots = KEYS[3], prefix = KEYS[4], asking = {}}
house.now = clock(ARGV[1])
redis.call('ZREM', house.sessions, '')  -- a first write that a server at maxmemory does not refuse
local names = redis.call('SRANDMEMBER', house.prefix .. 'limits', argument(2, 0, 10000))
for _, name in ipairs(names) do
  local limiter = open_limiter(house, name)
  if limiter then
    ask_for_tokens(house, limiter, drop_dead(house, limiter))
    announce(house, limiter, lend_free(house, limiter), nil)
    close_limiter(house, limiter)
    if redis.call('EXISTS', limiter.key) == 1 then list_limiter(house, name) end
  else
    redis.call('SREM', house.prefix .. 'limits', name)  -- its time was over
  end
end
return #names
