-- promote: parked calls whose delay is over become available to the workers again.
-- USES _life
-- USES _requeue
-- KEYS 1 calls: stream of released calls
-- KEYS 2 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 3 parked: hash, "job index" -> "attempt deadline deaths payload"
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 now (ms, '' = server clock) | 2 most (count)
-- RETURN ms until the next parked call is due; -1 when there is none
local calls_key, due, parked, prefix = unpack(KEYS)
local now = clock(ARGV[1])

for _, name in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local id, index = string.match(name, '^(%S+) (%d+)$')
  local job_key = prefix .. 'job:' .. id
  local kept = redis.call('HGET', parked, name)
  redis.call('ZREM', due, name)
  redis.call('HDEL', parked, name)
  if kept and redis.call('EXISTS', job_key) == 1 then
    local facts, payload = string.match(kept, '^(%d+ %d+ %d+) (.*)$')
    hand_out(calls_key, job_key, index, id .. ' ' .. index .. ' ' .. facts, payload)
  end
end
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
return first[2] and math.max(0, first[2] - now) or -1
