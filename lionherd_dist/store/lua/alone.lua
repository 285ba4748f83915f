-- alone: a call that was in hand at several deaths is about to run with nothing beside it.
-- USES _life
-- KEYS 1 prefix: what every key of the namespace begins with
-- ARGV 1 job | 2 index | 3 entry
-- RETURN deaths (count) while it ran alone
local MOST_DEATHS = 1000000  -- more than a call survives
local job_key = KEYS[1] .. 'job:' .. ARGV[1]
local solo = job_key .. ':solo'
if redis.call('HGET', job_key .. ':hand', ARGV[2]) ~= ARGV[3] then return 0 end  -- a late word
local noted = string.match(redis.call('HGET', solo, ARGV[2]) or '', '^(%d+) ')
local deaths = whole(noted, 0, MOST_DEATHS) or 0
redis.call('HDEL', solo, '')  -- a first write that a server at maxmemory does not refuse
redis.call('HSET', solo, ARGV[2], deaths .. ' ' .. ARGV[3])
live_with_job(solo)
return deaths
