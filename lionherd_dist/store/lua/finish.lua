-- finish: record what became of calls in hand, give their places on, release the next.
-- A call counts once: only while the job's hand still names this very entry.
-- XACK is the first write: a server at maxmemory refuses scripts that begin by adding.
-- USES _life
-- USES _jobs
-- USES _release
-- USES _requeue
-- USES _record
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 5 parked: hash, "job index" -> "attempt deadline deaths payload"
-- KEYS 6 dead: stream of dead letters
-- KEYS 7 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 inbox_ttl (ms) | 4 dead_ttl (ms)
-- ARGV | 5 calls (count)
-- ARGV | 6 for each call, those of one job together: job id, index, entry id, verb, detail
-- verb 'done' and 'dead': detail is the outcome | 'again': "attempt delay(ms)" | 'back': ''
-- RETURN {} session lost | {recorded (count), dropped (count)}
local keys = {sessions = KEYS[1], calls = KEYS[2], due = KEYS[4], parked = KEYS[5], dead = KEYS[6]}
local prefix = KEYS[7]
local session, now, inbox_ttl = ARGV[1], clock(ARGV[2]), ARGV[3]
if tonumber(redis.call('ZSCORE', keys.sessions, session) or 0) <= now then return {} end
local window, recorded, dropped = window_of(KEYS[3]), 0, 0

local function settle(id, job, indexes, first)  -- returns the indexes that ended, and the news
  local job_key, over, news = prefix .. 'job:' .. id, {}, {'j', id}
  local held = job and redis.call('HMGET', job_key .. ':hand', unpack(indexes)) or {}
  for k, index in ipairs(indexes) do
    local entry, verb, detail = unpack(ARGV, first + 5 * k - 3, first + 5 * k - 1)
    if held[k] ~= entry then
      dropped = dropped + 1
    elseif verb == 'done' or verb == 'dead' or job.cancelled == 1 then
      if verb == 'dead' then bury(keys, id, index, entry, detail, ARGV[4]) end
      table.insert(over, index)
      table.insert(news, index)
      table.insert(news, detail)
    elseif verb == 'again' then
      local attempt, delay = string.match(detail, '^(%d+) (%d+)$')
      park(keys, job_key, id, index, entry, attempt, now + delay)
    else
      hand_out(keys.calls, job_key, index, handed_out(keys.calls, entry))
    end
  end
  return over, news
end

local function account(id, job, over, news)
  local job_key = prefix .. 'job:' .. id
  redis.call('HDEL', job_key .. ':hand', unpack(over))
  if job.cancelled == 1 then  -- its outcomes are not wanted, but the end of its last call is
    if redis.call('EXISTS', job_key .. ':hand') == 0 then
      end_cancelled(keys, prefix, id, job.owner, job.inbox, inbox_ttl)
    end
    return
  end
  local ended = redis.call('HINCRBY', job_key, 'done', #over) == job.total
  record(prefix, id, job, news, inbox_ttl, ended and now)
  if ended and job.keep == 0 then
    end_job(prefix, id, job.owner)
  elseif not ended then
    release(keys.calls, job_key, id, job, window)
  end
end

local entries, last = {}, 5 + 5 * ARGV[5]
for i = 8, last, 5 do table.insert(entries, ARGV[i]) end
redis.call('XACK', keys.calls, 'workers', unpack(entries))
local at = 6
while at < last do
  local id, first, indexes = ARGV[at], at, {}
  while ARGV[at] == id and at < last do
    table.insert(indexes, ARGV[at + 1])
    at = at + 5
  end
  local job = load_job(prefix .. 'job:' .. id)
  local over, news = settle(id, job, indexes, first)
  recorded = recorded + #over
  if #over > 0 then account(id, job, over, news) end
end
redis.call('XDEL', keys.calls, unpack(entries))
return {recorded, dropped}
