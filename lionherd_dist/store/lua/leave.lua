-- leave: a session has no more to do with a limiter: its tokens go to others; unused, it goes.
-- A job that is sent away asks anew for calls that wait, behind all others.
-- USES _ask
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 session or job | 2 now (ms, '' = server clock) | 3 limiter (name)
-- RETURN 1 left | 0 there is no such limiter
local house = {sessions = KEYS[1], calls = KEYS[2], slots = KEYS[3], prefix = KEYS[4], asking = {}}
house.now = clock(ARGV[2])
local limiter = open_limiter(house, ARGV[3])
if not limiter then return 0 end
drop_owner(limiter, ARGV[1])
if is_job(ARGV[1]) then ask_for_tokens(house, limiter, {ARGV[1]}) end
announce(house, limiter, lend_free(house, limiter), nil)
close_limiter(house, limiter)
return 1
