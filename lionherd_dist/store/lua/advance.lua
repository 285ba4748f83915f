-- advance: the reader of kept outcomes is done with one; after the last the job is gone.
-- USES _jobs
-- KEYS 1 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 job | 3 entry read | 4 read (count, this one included)
-- RETURN 0 somebody else reads it now | 1 noted | 2 it was the last one
local prefix, session, id, entry = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local job_key = prefix .. 'job:' .. id
local job = load_job(job_key)
if not job then return 2 end
if redis.call('HGET', job_key, 'reader') ~= session then return 0 end

redis.call('XDEL', job.inbox, entry)
redis.call('HSET', job_key, 'read', ARGV[4], 'place', entry)
if job.total ~= tonumber(ARGV[4]) then return 1 end
end_job(prefix, id, job.owner)
return 2
