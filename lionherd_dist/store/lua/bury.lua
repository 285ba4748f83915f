-- bury: an entry that is no call of ours becomes a dead letter, just as it came.
-- KEYS 1 calls: stream of released calls
-- KEYS 2 dead: stream of dead letters
-- ARGV 1 dead_ttl (ms) | 2 entry
-- RETURN 1 buried | 0 it was gone
local calls_key, dead, entry = KEYS[1], KEYS[2], ARGV[2]
redis.call('XACK', calls_key, 'workers', entry)
local found = redis.call('XRANGE', calls_key, entry, entry)[1]
if not found then return 0 end
redis.call('XADD', dead, 'MAXLEN', '~', '10000', '*', unpack(found[2], 1, math.min(#found[2], 20)))
redis.call('PEXPIRE', dead, ARGV[1])
redis.call('XDEL', calls_key, entry)
return 1
