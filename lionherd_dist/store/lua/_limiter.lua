-- _limiter: prepended where limiters are used. A limiter is its hash (total, ticket, fence, shut;
-- fixed, if somebody set the total), its holders, its queue, and who has to do with it (seen).
-- USES _life
-- Holders and queue name requests: "P/n" is the n-th of session P, "J/index" a call of job J, which
-- holds its token from its release to its outcome.
local MOST_TOKENS, LAST_TICKET = 1000000, 2 ^ 52
local LIMITER_LIFE = 30 * DAY  -- outlives its last use by so much, if somebody set its total

-- Milliseconds for which holders of a server's earlier life may not have heard of its loss.
local function still_shut(now, quarantine)
  if quarantine == 0 then return 0 end
  if quarantine < 0 then return now - quarantine end  -- who asks has lived through a loss
  local info = redis.pcall('INFO', 'server')
  local age = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
  return age and now + math.max(0, quarantine - age * 1000) or 0
end

local function list_limiter(house, name)  -- among those that are looked after
  redis.call('SADD', house.prefix .. 'limits', name)
  redis.call('PEXPIRE', house.prefix .. 'limits', LIMITER_LIFE)
end

-- The place of the last that waits, where the limiter does not say it.
local function last_ticket(queue)
  local last = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')
  return whole(last[2], 0, LAST_TICKET) or 0
end

local function open_limiter(house, name, total, quarantine)
  local key = limiter_key(house.prefix, name)
  local found = redis.call('HMGET', key, 'total', 'ticket', 'fence', 'shut')
  local limiter = {name = name, key = key, held = key .. ':held', queue = key .. ':queue',
                   seen = key .. ':seen', lent = 0, holding = {}, bare = false}
  local total_found = whole(found[1], 0, MOST_TOKENS)  -- nil: nobody here wrote it
  limiter.ticket = whole(found[2], 0, LAST_TICKET) or last_ticket(limiter.queue)
  if total_found then
    limiter.total = total_found
    limiter.fence, limiter.shut = whole(found[3], -LAST_WHOLE) or 0, whole(found[4]) or 0
  elseif whole(total, 0, MOST_TOKENS) then
    limiter.total = whole(total)
    limiter.fence, limiter.shut = 0, still_shut(house.now, whole(quarantine, -LAST_WHOLE) or 0)
    redis.call('HSET', key, 'total', total, 'shut', limiter.shut)
    list_limiter(house, name)
    limiter.bare = true
  else
    return nil
  end
  return limiter
end

-- Its keys are renewed where one may have come into being without a time to live (bare), and by
-- whoever looks after it.
local function save_limiter(limiter, renew)
  redis.call('HSET', limiter.key, 'ticket', limiter.ticket,
    'fence', string.format('%.0f', limiter.fence))
  if not (renew or limiter.bare) then return end
  for _, key in ipairs({limiter.key, limiter.held, limiter.queue, limiter.seen}) do
    redis.call('PEXPIRE', key, LIMITER_LIFE)
  end
end

local function enter(house, limiter, owner)  -- from now on, its death matters; true if it is new
  local is_new = redis.call('HSETNX', limiter.seen, owner, 0) == 1
  if is_new then
    limiter.bare = true
    list_limiter(house, limiter.name)
  end
  return is_new
end

-- What is left when nobody uses it any more: nothing, or the total that somebody set.
local function close_limiter(house, limiter)
  if redis.call('EXISTS', limiter.seen) == 0 then
    redis.call('UNLINK', limiter.held, limiter.queue)
    if redis.call('HEXISTS', limiter.key, 'fixed') == 0 then
      redis.call('UNLINK', limiter.key)
      redis.call('SREM', house.prefix .. 'limits', limiter.name)
      return
    end
  end
  save_limiter(limiter, true)
end
