-- revive: the call of a dead letter is made again, as a kept job of its own; the letter is gone.
-- Its attempts and deaths are forgotten, and so is its deadline, which has passed.
-- XDEL comes first: a server at maxmemory refuses scripts that begin by adding.
-- USES _jobs
-- USES _release
-- KEYS 1 dead: stream of dead letters
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 now (ms, '' = server clock) | 2 letter (entry) | 3 the job's id | 4 keep (ms)
-- ARGV | 5 the call, '' = as it stands in the letter (one that is signed is signed for its place)
-- RETURN 1 the job is there | 0 there is no such letter | -1 the letter holds no call
local dead, calls_key, slots, prefix = unpack(KEYS)
local now, letter, id = clock(ARGV[1]), ARGV[2], ARGV[3]
local job_key = prefix .. 'job:' .. id
if redis.call('EXISTS', job_key) == 1 then return 1 end  -- told again

local found = redis.call('XRANGE', dead, letter, letter)[1]
if not found then return 0 end
local fields = found[2]
if fields[7] ~= 'p' or fields[8] == '' then return -1 end
redis.call('XDEL', dead, letter)
open_job(prefix, id, {owner = '', limit = 1, cap = 1, deadline = 0, keep = ARGV[4]}, now)
redis.call('RPUSH', job_key .. ':backlog', ARGV[5] ~= '' and ARGV[5] or fields[8])
redis.call('HSET', job_key, 'next', 1, 'total', 1)
redis.call('ZADD', prefix .. 'kept', 0, id)
move({calls = calls_key, slots = slots, prefix = prefix}, job_key, id, load_job(job_key))
live_with_job(job_key .. ':backlog')
for _, name in ipairs({'kept', 'calls'}) do live_on(prefix .. name) end
return 1
