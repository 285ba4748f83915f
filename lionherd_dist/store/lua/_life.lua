-- _life: prepended where keys begin or are renewed. Where every process died nobody is left to
-- remove a key, so each has a time to live. Beats renew it: nothing ends while a session lives.
-- A job's hash is the first to go, and with it the job; what all jobs share is the last.
local DAY = 24 * 3600 * 1000
local JOB_LIFE, SPACE_LIFE = 7 * DAY, 8 * DAY
local MOST_RENEWED = 50  -- jobs in one beat, which come to 800,000 in a day
local SHARED = {'sessions', 'slots', 'opened', 'names', 'places', 'calls', 'due', 'parked', 'kept',
                'behind'}
local PARTS = {'', ':backlog', ':hand', ':solo', ':outcomes'}

-- Names of limiters are the users': one with a colon is not to be the key of another's queue.
local function limiter_key(prefix, name)
  return prefix .. 'limit:' .. string.gsub(name, '[%%:]', {['%'] = '%25', [':'] = '%3A'})
end

local function live_on(key) redis.call('PEXPIRE', key, SPACE_LIFE) end

local function live_with_job(key) redis.call('PEXPIRE', key, JOB_LIFE) end

local function renew_shared(prefix)
  for _, name in ipairs(SHARED) do live_on(prefix .. name) end
end

-- The jobs of *owner* that were last renewed a day ago; younger ones cost nothing.
local function renew_jobs(prefix, owner, now)
  local owned = prefix .. 'owned:' .. owner
  live_on(owned)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', owned, '-inf', now - DAY,
                                 'LIMIT', 0, MOST_RENEWED)) do
    for _, part in ipairs(PARTS) do live_with_job(prefix .. 'job:' .. id .. part) end
    redis.call('ZADD', owned, now, id)
  end
end
