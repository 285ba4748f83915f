-- _limiter: prepended where limiters are used. A limiter is its hash (total, ticket, fence, shut;
-- fixed, if somebody set the total), its holders, its queue, and who has to do with it (seen).
-- Holders and queue name requests: "P/n" is the n-th of session P, "J/index" a call of job J, which
-- holds its token from its release to its outcome.
local FENCES_PER_MICRO = 2  -- a new limiter starts above all that one of its name ever lent
local UNUSED_TTL = 30 * 24 * 3600 * 1000  -- ms that a total which somebody set outlives its use

local function limiter_key(house, name) return house.prefix .. 'limit:' .. name end

-- Milliseconds for which holders of a server's earlier life may not have heard of its loss.
local function still_shut(now, quarantine)
  if quarantine == 0 then return 0 end
  if quarantine < 0 then return now - quarantine end  -- who asks has lived through a loss
  local info = redis.pcall('INFO', 'server')
  local age = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
  return age and now + math.max(0, quarantine - age * 1000) or 0
end

local function open_limiter(house, name, total, quarantine)
  local key = limiter_key(house, name)
  local found = redis.call('HMGET', key, 'total', 'ticket', 'fence', 'shut')
  local limiter = {name = name, key = key, held = key .. ':held', queue = key .. ':queue',
                   seen = key .. ':seen'}
  if found[1] then
    limiter.total, limiter.ticket = tonumber(found[1]), tonumber(found[2])
    limiter.fence, limiter.shut = tonumber(found[3]), tonumber(found[4])
  elseif total then
    limiter.total, limiter.ticket = tonumber(total), 0
    limiter.fence, limiter.shut = micros * FENCES_PER_MICRO, still_shut(house.now, tonumber(quarantine))
    redis.call('HSET', key, 'total', total, 'shut', limiter.shut)
    redis.call('SADD', house.prefix .. 'limits', name)
  else
    return nil
  end
  return limiter
end

local function save_limiter(limiter)
  redis.call('HSET', limiter.key, 'ticket', limiter.ticket,
    'fence', string.format('%.0f', limiter.fence))
end

local function register(limiter, owner)  -- before its first request
  if redis.call('HSETNX', limiter.seen, owner, 0) == 1 then
    redis.call('PERSIST', limiter.key)
  end
end

local function close_limiter(house, limiter)  -- one that nobody uses goes, or gets a time to live
  if redis.call('EXISTS', limiter.seen) == 1 then
    save_limiter(limiter)
  elseif redis.call('HEXISTS', limiter.key, 'fixed') == 1 then
    redis.call('UNLINK', limiter.held, limiter.queue)
    save_limiter(limiter)
    redis.call('PEXPIRE', limiter.key, UNUSED_TTL)
  else
    redis.call('UNLINK', limiter.key, limiter.held, limiter.queue)
    redis.call('SREM', house.prefix .. 'limits', limiter.name)
  end
end
