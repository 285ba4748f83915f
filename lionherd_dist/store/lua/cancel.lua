-- cancel: drop what has not started of jobs, tell the workers that run the rest.
-- USES _jobs
-- USES _requeue
-- USES _cancel
-- KEYS 1 calls: stream of released calls
-- KEYS 2 control: stream of cancelled job ids, read by every worker
-- KEYS 3 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 4 parked: hash, "job index" -> "attempt deadline deaths payload"
-- KEYS 5 prefix: what every key of the namespace begins with
-- KEYS 6 sessions: zset, session -> expires at (ms)
-- ARGV 1 control_ttl (ms) | 2 session that asks, '' = an operator | 3 jobs (count) | 4 the job ids
-- RETURN for each job: calls still running (count); 0 when the job is over
local keys = {calls = KEYS[1], control = KEYS[2], due = KEYS[3], parked = KEYS[4],
              sessions = KEYS[6]}
local prefix, reply = KEYS[5], {}
for i = 4, 3 + tonumber(ARGV[3]) do
  table.insert(reply, cancel_job(keys, prefix, ARGV[i], ARGV[1], ARGV[2]))
end
return reply
