-- finish: record what became of calls in hand, give their places on, release the next.
-- A call counts once: only while the job's hand still names this very entry.
-- XACK is the first write: a server at maxmemory refuses scripts that begin by adding.
-- USES _release
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 5 parked: hash, "job index" -> "attempt payload"
-- KEYS 6 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 inbox_ttl (ms) | 4 jobs (count)
-- ARGV 5 for each job: id, calls (count), then for each call: index, entry id, verb, detail
-- verb 'done': detail is the outcome | 'again': detail is "attempt delay(ms)" | 'back': ''
-- RETURN {} session lost | {recorded (count), dropped (count)}
local sessions, calls_key, slots, due, parked, prefix = unpack(KEYS)
local session, now, inbox_ttl = ARGV[1], clock(ARGV[2]), ARGV[3]
if tonumber(redis.call('ZSCORE', sessions, session) or 0) <= now then return {} end

local function requeue(job_key, id, index, entry, attempt, delay)
  local old = redis.call('XRANGE', calls_key, entry, entry)[1]
  if not old then return end
  local header, payload = old[2][2], old[2][4]
  if delay then
    redis.call('HSET', parked, id .. ' ' .. index, attempt .. ' ' .. payload)
    redis.call('ZADD', due, now + tonumber(delay), id .. ' ' .. index)
    redis.call('HSET', job_key .. ':hand', index, 'parked')
  else
    redis.call('HSET', job_key .. ':hand', index,
      redis.call('XADD', calls_key, '*', 'c', header, 'p', payload))
  end
end

local window, recorded, dropped, at, groups = window_of(slots), 0, 0, 5, {}
local entries = {}
for _ = 1, tonumber(ARGV[4]) do
  local group = {id = ARGV[at], indexes = {}, first = at + 2, last = at + 1 + 4 * ARGV[at + 1]}
  for i = group.first, group.last, 4 do
    table.insert(group.indexes, ARGV[i])
    table.insert(entries, ARGV[i + 1])
  end
  table.insert(groups, group)
  at = group.last + 1
end
redis.call('XACK', calls_key, 'workers', unpack(entries))
for _, group in ipairs(groups) do
  local id, job_key = group.id, prefix .. 'job:' .. group.id
  local job = load_job(job_key)
  local held = job and redis.call('HMGET', job_key .. ':hand', unpack(group.indexes)) or {}
  local over, news = {}, {'j', id}
  for k, index in ipairs(group.indexes) do
    local entry, verb, detail = unpack(ARGV, group.first + 4 * k - 3, group.first + 4 * k - 1)
    if held[k] ~= entry then
      dropped = dropped + 1
    elseif verb == 'done' or job.cancelled == 1 then
      table.insert(over, index)
      table.insert(news, index)
      table.insert(news, detail)
    else
      local attempt, delay = string.match(detail, '^(%d+) (%d+)$')
      requeue(job_key, id, index, entry, attempt, delay)
    end
  end
  if #over > 0 then
    recorded = recorded + #over
    redis.call('HDEL', job_key .. ':hand', unpack(over))
    local ended
    if job.cancelled == 1 then
      ended = redis.call('EXISTS', job_key .. ':hand') == 0
      news = ended and {'j', id, 'end', ''} or {}
    else
      job.done = redis.call('HINCRBY', job_key, 'done', #over)
      ended = job.done == job.total
    end
    if #news > 0 then
      redis.call('XADD', job.inbox, '*', unpack(news))
      redis.call('PEXPIRE', job.inbox, inbox_ttl)
    end
    if ended then
      redis.call('DEL', job_key)
      redis.call('SREM', prefix .. 'owned:' .. job.owner, id)
    else
      release(calls_key, job_key, id, job, window)
    end
  end
end
redis.call('XDEL', calls_key, unpack(entries))
return {recorded, dropped}
