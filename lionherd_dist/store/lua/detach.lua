-- detach: the reader of kept outcomes leaves; another may come.
-- KEYS 1 job: the job's hash
-- ARGV 1 reader, as it attached
-- RETURN 1 left | 0 it was not the reader
if redis.call('HGET', KEYS[1], 'reader') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'reader')
