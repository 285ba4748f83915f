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
local now, most = clock(ARGV[1]), argument(2, 0, 10000)
local house = {calls = calls_key, due = due, parked = parked, prefix = prefix, now = now,
               sessions = prefix .. 'sessions', slots = prefix .. 'slots',
               control = prefix .. 'control', asking = {}, promotes = true}

for _, name in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, most)) do
  if not may_move(house) then break end
  local id, index = string.match(name, '^(%S+) (%d+)$')
  local job_key = prefix .. 'job:' .. (id or '')
  local kept = redis.call('HGET', parked, name)
  local facts, payload = string.match(kept or '', '^(%d+ %d+ %d+) (.*)$')
  local header = parts_of(name .. ' ' .. (facts or '')) and name .. ' ' .. facts
  redis.call('ZREM', due, name)
  redis.call('HDEL', parked, name)
  note_moved(house, #(kept or ''))
  if not header then
    bury_stranger(prefix .. 'dead', name, {kept or ''})
  elseif redis.call('HGET', job_key .. ':hand', index) == 'parked' then  -- else its job is over
    hand_out(calls_key, job_key, index, header, payload)
  end
end
for _, id in ipairs(redis.call('SRANDMEMBER', prefix .. 'behind', most)) do
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
if not first[2] then redis.call('UNLINK', parked) end  -- calls whose time nobody knows any more
return first[2] and math.min(math.max(0, first[2] - now), LAST_WHOLE) or -1
