-- promote: calls become available to the workers again: parked ones whose delay is over, and those
-- of jobs that are behind, as far as one script may move them. Those of cancelled ones are dropped.
-- USES _cancel
-- KEYS 1 calls: stream of released calls
-- KEYS 2 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 3 parked: hash, "job index" -> "attempt deadline deaths payload"
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 now (ms, '' = server clock) | 2 most (count of parked calls, and of jobs)
-- ARGV | 3 control_ttl (ms)
-- RETURN ms until there is more to promote; -1 when there is nothing
local calls_key, due, parked, prefix = unpack(KEYS)
local now = clock(ARGV[1])
local house = {calls = calls_key, due = due, parked = parked, prefix = prefix, now = now,
               sessions = prefix .. 'sessions', slots = prefix .. 'slots',
               control = prefix .. 'control', asking = {}, promotes = true}

for _, name in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  if not may_move(house) then break end
  local id, index = string.match(name, '^(%S+) (%d+)$')
  local job_key = prefix .. 'job:' .. (id or '')
  local kept = redis.call('HGET', parked, name)
  local facts, payload = string.match(kept or '', '^(%d+ %d+ %d+) (.*)$')
  redis.call('ZREM', due, name)
  redis.call('HDEL', parked, name)
  if id and facts and redis.call('EXISTS', job_key) == 1 then  -- else it is over, or never was
    note_moved(house, #payload)
    hand_out(calls_key, job_key, index, id .. ' ' .. index .. ' ' .. facts, payload)
  end
end
for _, id in ipairs(redis.call('SRANDMEMBER', prefix .. 'behind', ARGV[2])) do
  local job = load_job(prefix .. 'job:' .. id)
  if job and job.cancelled == 1 then
    cancel_job(house, prefix, id, ARGV[3], job.owner)
  else
    redis.call('SREM', prefix .. 'behind', id)
    if job then release(house, id, job) end
  end
end
lend_touched(house)
if redis.call('EXISTS', prefix .. 'behind') == 1 then return 0 end
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
return first[2] and math.max(0, first[2] - now) or -1
