-- alone: a call that was in hand at several deaths is about to run with nothing beside it.
-- KEYS 1 prefix: what every key of the namespace begins with
-- ARGV 1 job | 2 index | 3 entry
-- RETURN deaths (count) while it ran alone
local solo = KEYS[1] .. 'job:' .. ARGV[1] .. ':solo'
if redis.call('EXISTS', KEYS[1] .. 'job:' .. ARGV[1]) == 0 then return 0 end
local deaths = string.match(redis.call('HGET', solo, ARGV[2]) or '0 ', '^(%d+) ')
redis.call('HSET', solo, ARGV[2], deaths .. ' ' .. ARGV[3])
return tonumber(deaths)
