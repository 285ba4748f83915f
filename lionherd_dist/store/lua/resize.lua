-- resize: a limiter has another total from now on, for everybody; what is free then is lent.
-- Fewer than are held takes nothing from anybody: nothing is lent until enough came back.
-- USES _lend
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 now (ms, '' = server clock) | 2 limiter (name) | 3 total (count, 0 = pause)
-- ARGV | 4 quarantine (ms, as for lend)
-- RETURN the total before (count) | -1 there was no such limiter
local house = {sessions = KEYS[1], calls = KEYS[2], slots = KEYS[3], prefix = KEYS[4], asking = {}}
house.now = clock(ARGV[1])
redis.call('ZREM', house.sessions, '')  -- a first write that a server at maxmemory does not refuse
local before = redis.call('HGET', limiter_key(house.prefix, ARGV[2]), 'total')
local total = argument(3, 0, MOST_TOKENS)
local limiter = open_limiter(house, ARGV[2], total, ARGV[4])
limiter.total = total
redis.call('HSET', limiter.key, 'total', limiter.total, 'fixed', 1)
list_limiter(house, limiter.name)
announce(house, limiter, lend_free(house, limiter), nil)
close_limiter(house, limiter)
return whole(before) or -1
