-- alone: a call that was in hand at several deaths is about to run with nothing beside it.
-- USES _life
-- KEYS 1 prefix: what every key of the namespace begins with
-- ARGV 1 job | 2 index | 3 entry
-- RETURN deaths (count) while it ran alone
local job_key = KEYS[1] .. 'job:' .. ARGV[1]
local solo = job_key .. ':solo'
if redis.call('HGET', job_key .. ':hand', ARGV[2]) ~= ARGV[3] then return 0 end  -- a late word
local deaths = string.match(redis.call('HGET', solo, ARGV[2]) or '0 ', '^(%d+) ')
redis.call('HDEL', solo, '')  -- a first write that a server at maxmemory does not refuse
redis.call('HSET', solo, ARGV[2], deaths .. ' ' .. ARGV[3])
live_with_job(solo)
return tonumber(deaths)
