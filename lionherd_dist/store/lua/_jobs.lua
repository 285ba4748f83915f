-- _jobs: prepended where a job's own record is read. A job is its hash, its backlog, its hand
-- (index -> the entry that it was handed out as) and, for suspects, its solo marks.
-- USES _life
local NUMBERS = {'limit', 'cap', 'next', 'released', 'consumed', 'done', 'total', 'deadline',
                 'cancelled', 'keep', 'largest', 'streak', 'tokens', 'quarantine'}
local LEAST = {total = -1, streak = -LAST_WHOLE, quarantine = -LAST_WHOLE}  -- of the others: 0
local touched = {}  -- limiters of which tokens came back, or are asked for

-- nil if there is none, or one with a number that nobody here wrote: that one is lost.
local function load_job(job_key)
  local values = redis.call('HMGET', job_key, 'owner', 'limiter', unpack(NUMBERS))
  if not values[1] then return nil end
  local job = {owner = values[1], limiter = values[2] or nil}
  for i, name in ipairs(NUMBERS) do
    job[name] = whole(values[i + 2] or 0, LEAST[name])  -- 0: it has none
    if not job[name] then return nil end
  end
  -- Where its outcomes go is worked out: what a key holds is not to name another key.
  job.inbox = job.keep > 0 and job_key .. ':outcomes'
    or string.match(job_key, '^(.*)job:') .. 'inbox:' .. job.owner
  return job
end

local function leave_queues(prefix, id)  -- the job's last call has its outcome
  redis.call('SREM', prefix .. 'behind', id)
  local limiter = redis.call('HGET', prefix .. 'job:' .. id, 'limiter')
  if not limiter then return end
  local key = limiter_key(prefix, limiter)
  redis.call('HDEL', key .. ':seen', id)
  redis.call('ZREM', key .. ':queue', id)
  touched[limiter] = true
end

-- *job* holds what differs: owner, limit, cap, deadline, keep; limiter, tokens, quarantine, where
-- its calls need a token each. Returns it as load_job would.
local function open_job(prefix, id, job, now)
  local job_key = prefix .. 'job:' .. id
  redis.call('HSET', job_key, 'limit', job.limit, 'cap', job.cap,
    'deadline', job.deadline, 'next', 0, 'released', 0, 'consumed', 0, 'done', 0, 'total', -1,
    'owner', job.owner, 'keep', job.keep, 'cancelled', 0, 'largest', 0, 'since', now)
  if job.limiter then
    redis.call('HSET', job_key, 'limiter', job.limiter, 'tokens', job.tokens,
      'quarantine', job.quarantine)
  end
  redis.call('ZADD', prefix .. 'owned:' .. job.owner, now, id)
  live_on(prefix .. 'owned:' .. job.owner)
  live_with_job(job_key)
  return load_job(job_key)
end

local function end_job(prefix, id, owner)
  local job_key = prefix .. 'job:' .. id
  leave_queues(prefix, id)
  redis.call('UNLINK', job_key, job_key .. ':backlog', job_key .. ':hand', job_key .. ':solo',
    job_key .. ':outcomes')
  redis.call('ZREM', prefix .. 'owned:' .. owner, id)
  redis.call('ZREM', prefix .. 'kept', id)
end

-- A kept job that is done: its outcomes wait for a reader, but not for ever.
local function expire_kept(prefix, id, job, now)
  local job_key = prefix .. 'job:' .. id
  leave_queues(prefix, id)
  redis.call('UNLINK', job_key .. ':backlog', job_key .. ':hand', job_key .. ':solo')
  redis.call('ZREM', prefix .. 'owned:', id)  -- no beat renews it any more
  redis.call('PEXPIRE', job_key, job.keep)
  redis.call('PEXPIRE', job.inbox, job.keep)
  redis.call('ZADD', prefix .. 'kept', now + job.keep, id)
end

-- Somebody else took the job away from its owner, who, if it lives, hears of it.
local function tell_owner(keys, prefix, id, owner, ttl)
  if not redis.call('ZSCORE', keys.sessions, owner) then return end
  redis.call('XADD', prefix .. 'inbox:' .. owner, '*', 'j', id, 'cancelled', '')
  redis.call('PEXPIRE', prefix .. 'inbox:' .. owner, ttl, 'NX')  -- the owner's beats renew it
end

-- A cancelled job whose last running call has stopped: its owner, if it lives, waits for this.
local function end_cancelled(keys, prefix, id, owner, inbox)
  if redis.call('ZSCORE', keys.sessions, owner) then
    redis.call('XADD', inbox, '*', 'j', id, 'end', '')
    redis.call('PEXPIRE', inbox, SPACE_LIFE, 'NX')  -- the owner's beats renew it
  end
  end_job(prefix, id, owner)
end
