-- set_aside: a key that is not of the type that its name says is put out of the way, as it is.
-- USES _life
-- KEYS 1 key: of another type than its name says
-- KEYS 2 place: where it is kept
-- KEYS 3 aside: hash, name of a key -> when it was set aside (ms)
-- ARGV 1 now (ms, '' = server clock) | 2 type that it is to be | 3 name
-- RETURN 1 set aside | 0 it is gone, or what it is to be
local found = redis.call('TYPE', KEYS[1]).ok
if found == 'none' or found == ARGV[2] then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PEXPIRE', KEYS[2], 7 * DAY)
if redis.call('TYPE', KEYS[3]).ok ~= 'hash' then redis.call('UNLINK', KEYS[3]) end
redis.call('HSET', KEYS[3], ARGV[3], string.format('%.0f', clock(ARGV[1])))
live_on(KEYS[3])
return 1
