-- attach: become the one reader of a job's kept outcomes; those still there are not read.
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 job: the job's hash
-- ARGV 1 reader: a session, or "session/which of its readers" | 2 now (ms, '' = server clock)
-- RETURN {} no such job, or it is cancelled, or not a kept one | {0, the one that reads it now}
-- | {1, read (count), total (count, -1 = unknown)}
local job, me, now = KEYS[2], ARGV[1], clock(ARGV[2])
local keep, reader, read, total, cancelled =
  unpack(redis.call('HMGET', job, 'keep', 'reader', 'read', 'total', 'cancelled'))
if not keep or keep == '0' or cancelled == '1' then return {} end

if reader and reader ~= me then
  local session = string.match(reader, '^[^/]*')
  if tonumber(redis.call('ZSCORE', KEYS[1], session) or 0) > now then return {0, reader} end
end
redis.call('HSET', job, 'reader', me)
return {1, tonumber(read or 0), tonumber(total)}
