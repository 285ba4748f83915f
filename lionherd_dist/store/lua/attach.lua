-- attach: become the one reader of a job's kept outcomes; those still there are not read.
-- USES _jobs
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 job: the job's hash
-- ARGV 1 reader: a session, or "session/which of its readers" | 2 now (ms, '' = server clock)
-- RETURN {} no such job, or it is cancelled, or not a kept one | {0, the one that reads it now}
-- | {1, read (count), total (count, -1 = unknown)}
local key, me, now = KEYS[2], ARGV[1], clock(ARGV[2])
local job = load_job(key)
if not job or job.keep == 0 or job.cancelled == 1 then return {} end
local reader, read = unpack(redis.call('HMGET', key, 'reader', 'read'))

if reader and reader ~= me then
  local session = string.match(reader, '^[^/]*')
  if tonumber(redis.call('ZSCORE', KEYS[1], session) or 0) > now then return {0, reader} end
end
redis.call('HSET', key, 'reader', me)
return {1, whole(read) or 0, job.total}
