-- set_aside: a key that is not of the type that its name says is put out of the way, as it is.
-- Scripts do that by themselves: this is for what is read without one.
-- KEYS 1 key: of another type than its name says
-- ARGV 1 type that it is to be
-- RETURN 1 set aside | 0 it is gone, or what it is to be
local found = redis.call('TYPE', KEYS[1]).ok
if found == 'none' or found == ARGV[1] then return 0 end
set_aside(KEYS[1])
return 1
