-- finish: record what became of calls in hand, give their places on, release the next.
-- A call counts once: only while the job's hand still names this very entry.
-- XACK is the first write: a server at maxmemory refuses scripts that begin by adding.
-- USES _tokens
-- USES _requeue
-- USES _record
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 5 parked: hash, "job index" -> "attempt deadline deaths payload"
-- KEYS 6 dead: stream of dead letters
-- KEYS 7 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 dead_ttl (ms) | 4 calls (count)
-- ARGV | 5 the entry ids of all calls, those of one job together
-- then for each job: job id, its calls (count), their indexes, then the verb and detail of each
-- verb 'done' and 'dead': detail is the outcome | 'again': "attempt delay(ms)" | 'back': ''
-- RETURN {} session lost | {recorded (count), dropped (count)}
local keys = {sessions = KEYS[1], calls = KEYS[2], slots = KEYS[3], due = KEYS[4], parked = KEYS[5],
              dead = KEYS[6], prefix = KEYS[7], asking = {}}
local prefix = keys.prefix
local session, now = ARGV[1], clock(ARGV[2])
if tonumber(redis.call('ZSCORE', keys.sessions, session) or 0) <= now then return {} end
keys.now = now
local recorded, dropped = 0, 0

-- Of *count* calls of one job, whose indexes begin at *first* and whose entries after *before*:
-- the indexes of those that ended, and the news of them.
local function settle(id, job, first, count, before)
  local job_key, over, news = prefix .. 'job:' .. id, {}, {'j', id}
  local upto = first + count - 1
  local held = job and redis.call('HMGET', job_key .. ':hand', unpack(ARGV, first, upto)) or {}
  for k = 1, count do
    local index, entry = ARGV[first + k - 1], ARGV[before + k]
    local verb, detail = ARGV[upto + 2 * k - 1], ARGV[upto + 2 * k]
    if held[k] ~= entry then
      dropped = dropped + 1
    elseif verb == 'done' or verb == 'dead' or job.cancelled == 1 then
      if verb == 'dead' then bury(keys, id, index, entry, detail, ARGV[3]) end
      over[#over + 1], news[#news + 1], news[#news + 2] = index, index, detail
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
  give_back(keys, id, job, over)
  job.done = job.done + #over
  local ended = job.done == job.total
  record(prefix, id, job, news, ended and now)
  if ended and job.keep == 0 then
    end_job(prefix, id, job.owner)
    return
  end
  if ended or release(keys, id, job, #over) == 0 then
    redis.call('HSET', job_key, 'done', job.done)
  end
  redis.call('HDEL', job_key .. ':hand', unpack(over))  -- last: a hand made anew needs a new life
end

local function account_cancelled(id, job, over)  -- its outcomes are not wanted, only its end is
  local hand = prefix .. 'job:' .. id .. ':hand'
  redis.call('HDEL', hand, unpack(over))
  give_back(keys, id, job, over)
  if redis.call('EXISTS', hand) == 0 then
    end_cancelled(keys, prefix, id, job.owner, job.inbox)
  end
end

local before, last = 4, 4 + ARGV[4]  -- the entry before those of the job, and the last of all
redis.call('XACK', keys.calls, 'workers', unpack(ARGV, 5, last))
local at = last + 1
while before < last do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  local job = load_job(prefix .. 'job:' .. id)
  local over, news = settle(id, job, at + 2, count, before)
  recorded = recorded + #over
  if #over > 0 then
    (job.cancelled == 1 and account_cancelled or account)(id, job, over, news)
  end
  before, at = before + count, at + 2 + 3 * count
end
redis.call('XDEL', keys.calls, unpack(ARGV, 5, last))
lend_touched(keys)
return {recorded, dropped}
