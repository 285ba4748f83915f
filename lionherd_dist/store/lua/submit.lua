-- submit: open jobs, append calls to their backlogs, note what was consumed, release what may run.
-- A chunk sent twice is accepted once: it carries the index of its first call. One that begins
-- past what is known here, after a loss of data, is not accepted at all.
-- USES _tokens
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 opened: hash, session -> highest job number it opened
-- KEYS 5 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 chunks (count)
-- ARGV 4 for each chunk: number, limit (0 = none), cap (count), left (ms to the deadline, -1 = none),
-- keep (ms that outcomes outlive the job's end, 0 = the job belongs to the session),
-- limiter ('' = none, else "total quarantine(ms) name"), label, tasks (their names, a space after
-- each; '' = nothing new), first (index), total (count, -1 = unknown), consumed (count),
-- calls (count), then the calls
-- RETURN {} session lost | for each chunk: {next index} accepted, or {-1} the job is over or lost
local LAST_MOMENT = 99999999999999  -- Lua's .. writes more than 14 digits with an exponent
local sessions, calls_key, slots, opened, prefix = unpack(KEYS)
local session, now = ARGV[1], clock(ARGV[2])
if tonumber(redis.call('ZSCORE', sessions, session) or 0) <= now then return {} end

local house = {sessions = sessions, calls = calls_key, slots = slots, prefix = prefix, now = now,
               asking = {}}
local reply, at = {}, 4

local function opening_of(limit, cap, left, keep, limiter)
  local tokens, quarantine, name = string.match(limiter, '^(%d+) (-?%d+) (.*)$')
  return {owner = session,
          deadline = tonumber(left) < 0 and 0 or math.min(now + tonumber(left), LAST_MOMENT),
          limit = limit, cap = cap, keep = keep, limiter = name, tokens = tokens,
          quarantine = quarantine}
end

for _ = 1, argument(3, 0, #ARGV) do
  local number, first, total, consumed, count = ARGV[at], unpack(ARGV, at + 8, at + 11)
  local start, from, upto = at, at + 12, at + 11 + argument(at + 11, 0, #ARGV)
  at = upto + 1
  local id = session .. '-' .. number
  local job_key = prefix .. 'job:' .. id
  local job = load_job(job_key)
  if not job and first == '0'
     and tonumber(number) > (whole(redis.call('HGET', opened, session)) or 0) then
    redis.call('HSET', opened, session, number)
    live_on(opened)
    job = open_job(prefix, id, opening_of(unpack(ARGV, start + 1, start + 5)), now)
  end
  if not job or job.cancelled == 1 or tonumber(first) > job.next then  -- the last: a lost chunk
    table.insert(reply, -1)
  else
    local known = job.next - tonumber(first)  -- calls of this chunk that an earlier try brought
    for f = from + known, upto, 4000 do
      redis.call('RPUSH', job_key .. ':backlog', unpack(ARGV, f, math.min(f + 3999, upto)))
    end
    for f = from + known, upto do job.largest = math.max(job.largest, #ARGV[f]) end
    job.next = math.max(job.next, tonumber(first) + tonumber(count))
    job.consumed = math.max(job.consumed, tonumber(consumed))
    job.cap = argument(start + 2)
    local news = job.total < 0 and tonumber(total) >= 0
    job.total = math.max(job.total, tonumber(total))
    redis.call('HSET', job_key, 'next', job.next, 'consumed', job.consumed, 'total', job.total,
      'cap', job.cap, 'largest', job.largest)
    for k, name in ipairs({'label', 'tasks'}) do
      local text = ARGV[start + 5 + k]
      if text ~= '' then redis.call('HSET', job_key, name, text) end
    end
    if job.keep > 0 and news then  -- complete: from here on it outlives the session
      redis.call('HSET', job_key, 'owner', '')
      redis.call('ZREM', prefix .. 'owned:' .. session, id)
      redis.call('ZADD', prefix .. 'owned:', now, id)
      redis.call('ZADD', prefix .. 'kept', 0, id)
      live_on(prefix .. 'owned:')
      live_on(prefix .. 'kept')
      if job.done == job.total then expire_kept(prefix, id, job, now) end
    end
    release(house, id, job)
    if job.released < job.next then live_with_job(job_key .. ':backlog') end
    if job.total == job.done and job.keep == 0 then end_job(prefix, id, session) end
    table.insert(reply, job.next)
  end
end
lend_touched(house)
live_on(calls_key)
return reply
