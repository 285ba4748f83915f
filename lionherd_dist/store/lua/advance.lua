-- advance: the reader of kept outcomes is done with one; after the last the job is gone.
-- USES _jobs
-- KEYS 1 prefix: what every key of the namespace begins with
-- ARGV 1 reader, as it attached | 2 job | 3 entry read
-- RETURN {} there is no such job | {0} somebody else reads it now
-- | {1, read (count), total (count, -1 = unknown)} noted, the job gone if both are the same
local prefix, me, id, entry = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local job_key = prefix .. 'job:' .. id
local job = load_job(job_key)
if not job then return {} end
local reader, read = unpack(redis.call('HMGET', job_key, 'reader', 'read'))
if reader ~= me then return {0} end

read = whole(read) or 0
if redis.call('XDEL', job.inbox, entry) == 1 then  -- it counts once, however late it is said again
  redis.call('HSET', job_key, 'read', read + 1)
  read = read + 1
end
if job.total == read then end_job(prefix, id, job.owner) end
return {1, read, job.total}
