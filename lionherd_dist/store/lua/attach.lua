-- attach: become the one reader of a job's kept outcomes; those still there are not read.
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 job: the job's hash
-- ARGV 1 session | 2 now (ms, '' = server clock)
-- RETURN {} no such job, or not a kept one | {0, the session that reads it now}
-- | {1, read (count), total (count, -1 = unknown)}
local job, session, now = KEYS[2], ARGV[1], clock(ARGV[2])
local keep, reader, read, total =
  unpack(redis.call('HMGET', job, 'keep', 'reader', 'read', 'total'))
if not keep or keep == '0' then return {} end

if reader and reader ~= session
   and tonumber(redis.call('ZSCORE', KEYS[1], reader) or 0) > now then
  return {0, reader}
end
redis.call('HSET', job, 'reader', session)
return {1, tonumber(read or 0), tonumber(total)}
