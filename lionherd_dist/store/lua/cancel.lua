-- cancel: drop what has not started of jobs, tell the workers that run the rest.
-- USES _cancel
-- KEYS 1 calls: stream of released calls
-- KEYS 2 control: stream of cancelled job ids, read by every worker
-- KEYS 3 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 4 parked: hash, "job index" -> "attempt deadline deaths payload"
-- KEYS 5 sessions: zset, session -> expires at (ms)
-- KEYS 6 slots: hash, session -> slots, '*' -> their sum
-- KEYS 7 prefix: what every key of the namespace begins with
-- ARGV 1 control_ttl (ms) | 2 now (ms, '' = server clock)
-- ARGV | 3 session that asks, '' = an operator | 4 jobs (count) | 5 the job ids
-- RETURN for each job: calls still running (count); 0 when the job is over; -1 when there is more to
-- drop than one script may: it is to be asked again
local keys = {calls = KEYS[1], control = KEYS[2], due = KEYS[3], parked = KEYS[4],
              sessions = KEYS[5], slots = KEYS[6], prefix = KEYS[7], asking = {}}
local prefix, reply = keys.prefix, {}
keys.now = clock(ARGV[2])
for i = 5, 4 + argument(4, 0, #ARGV) do
  local is_one = not string.find(ARGV[i], ':', 1, true)  -- people type them
  table.insert(reply, is_one and cancel_job(keys, prefix, ARGV[i], ARGV[1], ARGV[3]) or 0)
end
lend_touched(keys)
return reply
