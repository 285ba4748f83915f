-- _jobs: prepended where a job's own record is read. A job is three keys: its hash, its backlog
-- and its hand (index -> the entry that it was handed out as).
local NUMBERS = {'limit', 'cap', 'next', 'released', 'consumed', 'done', 'total', 'deadline',
                 'cancelled'}

local function load_job(job_key)
  local values = redis.call('HMGET', job_key, 'owner', 'inbox', unpack(NUMBERS))
  if not values[1] then return nil end
  local job = {owner = values[1], inbox = values[2]}
  for i, name in ipairs(NUMBERS) do job[name] = tonumber(values[i + 2]) end
  return job
end

local function end_job(prefix, id, owner)
  local job_key = prefix .. 'job:' .. id
  redis.call('UNLINK', job_key, job_key .. ':backlog', job_key .. ':hand')
  redis.call('SREM', prefix .. 'owned:' .. owner, id)
end
