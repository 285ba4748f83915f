-- finish: record what became of calls in hand, give their places on, release the next.
-- XACK is the first write: a server at maxmemory refuses scripts that begin by adding.
-- USES _tokens
-- USES _settle
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 5 parked: hash, "job index" -> "attempt deadline deaths payload"
-- KEYS 6 dead: stream of dead letters
-- KEYS 7 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 dead_ttl (ms) | 4 calls (count)
-- ARGV | 5 those of them whose entry goes on (count), which are the first
-- ARGV | 6 those that failed (count) | 7 the entry ids of all calls, those of one job together
-- then for each job: job id, its calls (count), their indexes, then the verb and detail of each
-- verb 'done', 'dead', 'next' (the one after it in its streak has begun) and 'last' (it will not):
-- detail is the outcome | 'again': "attempt delay(ms)" | 'back': ''
-- at the end "job index" of each that failed
-- RETURN {} session lost | {recorded (count), dropped (count), "job index" of each dead letter}
local keys = {sessions = KEYS[1], calls = KEYS[2], slots = KEYS[3], due = KEYS[4], parked = KEYS[5],
              dead = KEYS[6], prefix = KEYS[7], asking = {}}
local prefix = keys.prefix
local session, now = ARGV[1], clock(ARGV[2])
if tonumber(redis.call('ZSCORE', keys.sessions, session) or 0) <= now then return {} end
keys.now, keys.dead_ttl = now, ARGV[3]
local recorded, dropped, failed = 0, 0, {}
for k = #ARGV - argument(6, 0, #ARGV) + 1, #ARGV do failed[ARGV[k]] = true end

local function count_failed(id, over)
  local count = 0
  for _, index in ipairs(over) do
    if failed[id .. ' ' .. index] then count = count + 1 end
  end
  local job_key = prefix .. 'job:' .. id
  local before = count > 0 and (whole(redis.call('HGET', job_key, 'failed')) or 0)
  if before then redis.call('HSET', job_key, 'failed', before + count) end
end

local function account(id, job, told)
  local job_key = prefix .. 'job:' .. id
  give_back(keys, id, job, told.over)
  job.done = job.done + #told.over
  if told.whole and job.limit == 1 then pace(job, told.whole, now) end
  local ended = job.done == job.total
  record(prefix, id, job, told.news, ended and now)
  if ended and job.keep == 0 then
    end_job(prefix, id, job.owner)
    return
  end
  if ended or release(keys, id, job, told.leaving) == 0 then
    redis.call('HSET', job_key, 'done', job.done)
  end
  if next(failed) then count_failed(id, told.over) end
  redis.call('HDEL', job_key .. ':hand', unpack(told.over))  -- last: an empty hand ends its life
end

local function account_cancelled(id, job, told)  -- its outcomes are not wanted, only its end is
  local hand = prefix .. 'job:' .. id .. ':hand'
  redis.call('HDEL', hand, unpack(told.over))
  give_back(keys, id, job, told.over)
  if redis.call('EXISTS', hand) == 0 then
    end_cancelled(keys, prefix, id, job.owner, job.inbox)
  end
end

local before, last = 6, 6 + argument(4, 0, #ARGV)  -- the entry before those of the job, and the last of all
local first_over = 7 + argument(5, 0, #ARGV)
if first_over > last then
  redis.call('XACK', keys.calls, 'workers', '0-0')
else
  redis.call('XACK', keys.calls, 'workers', unpack(ARGV, first_over, last))
end
local at = last + 1
while before < last do
  local id, count = ARGV[at], argument(at + 1, 1, last - before)
  local job = load_job(prefix .. 'job:' .. id)
  local told = settle(keys, id, job, at + 2, count, before)
  recorded, dropped = recorded + #told.over, dropped + told.dropped
  if #told.over > 0 then
    (job.cancelled == 1 and account_cancelled or account)(id, job, told)
  end
  before, at = before + count, at + 2 + 3 * count
end
if first_over <= last then redis.call('XDEL', keys.calls, unpack(ARGV, first_over, last)) end
lend_touched(keys)
return {recorded, dropped, keys.letters or {}}
