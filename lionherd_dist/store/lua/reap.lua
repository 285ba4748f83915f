-- reap: sessions that expired end here: a worker's calls are given on, a client's jobs given up.
-- A call that was in a dead hand gets a new entry, so whatever the old hand still says is void.
-- What one script may not move any more is given on by the next.
-- XACK and ZREM come first: a server at maxmemory refuses scripts that begin by adding.
-- USES _give_on
-- USES _slots
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 opened: hash, session -> highest job number it opened
-- KEYS 5 names: hash, session -> the tasks that a worker knows
-- KEYS 6 control: stream of cancelled job ids, read by every worker
-- KEYS 7 due: zset, "job index" of a parked call -> due at (ms)
-- KEYS 8 parked: hash, "job index" -> "attempt deadline deaths payload"
-- KEYS 9 prefix: what every key of the namespace begins with
-- ARGV 1 now (ms, '' = server clock) | 2 most (count) | 3 control_ttl (ms)
-- RETURN {calls given on (count), jobs given up (count), sessions that have more (count),
--         1 if there are limiters, which are to be tended, names of keys that were set aside, each
--         told once}
local keys = {sessions = KEYS[1], calls = KEYS[2], slots = KEYS[3], control = KEYS[6],
              due = KEYS[7], parked = KEYS[8], prefix = KEYS[9], asking = {}, now = clock(ARGV[1])}
local prefix, now, most, MOST_SESSIONS = keys.prefix, keys.now, argument(2, 0, 10000), 5
local limiters, given_on, given_up = redis.call('EXISTS', prefix .. 'limits'), 0, 0
local unfinished = math.max(0, redis.call('ZCOUNT', keys.sessions, '-inf', now) - MOST_SESSIONS)

-- A consumer without a session did not die with what it has: it lives and has quit, its session
-- lost, or what its read was still waiting for came when its session had been reaped.
local function dead_sessions()
  local dead = redis.call('ZRANGEBYSCORE', keys.sessions, '-inf', now, 'LIMIT', 0, MOST_SESSIONS)
  for _, fields in ipairs(redis.pcall('XINFO', 'CONSUMERS', keys.calls, 'workers')) do
    if not redis.call('ZSCORE', keys.sessions, fields[2]) then table.insert(dead, fields[2]) end
  end
  return dead
end

local function set_aside_lately(key)  -- those that nobody was told of
  local names, found = {}, redis.call('HGETALL', key)
  for i = 1, #found, 2 do
    if not string.find(found[i + 1], 'told', 1, true) then
      redis.call('HSET', key, found[i], found[i + 1] .. ' told')
      names[#names + 1] = found[i]
    end
  end
  return names
end

local function forget(session)
  take_slots(KEYS[3], session)
  for _, key in ipairs({KEYS[4], KEYS[5], prefix .. 'places'}) do
    redis.call('HDEL', key, session)
  end
  redis.call('UNLINK', prefix .. 'inbox:' .. session, prefix .. 'owned:' .. session)
  redis.call('ZREM', keys.sessions, session)
  redis.pcall('XGROUP', 'DELCONSUMER', keys.calls, 'workers', session)
end

-- The server was silent itself: those who live come back first, and see to the rest.
if redis.call('ZCOUNT', keys.sessions, '(' .. now, '+inf') == 0 then return {0, 0, 0, limiters, {}} end

redis.call('ZREM', keys.sessions, '')
redis.call('ZREMRANGEBYSCORE', prefix .. 'kept', 1, now)  -- their keys have expired, too
for _, session in ipairs(dead_sessions()) do
  local room = most - given_on - given_up
  local pending = room > 0
    and redis.pcall('XPENDING', keys.calls, 'workers', '-', '+', room, session) or {}
  local died, upto = redis.call('ZSCORE', keys.sessions, session) and 1 or 0, 0
  for _, one in ipairs(pending) do
    if give_on(keys, one[1], died) then given_on = given_on + 1 end
  end
  room = may_move(keys) and room - #pending or 0
  local jobs = room > 0 and redis.call('ZRANGE', prefix .. 'owned:' .. session, 0, room - 1) or {}
  while jobs[upto + 1] and cancel_job(keys, prefix, jobs[upto + 1], ARGV[3], session) >= 0 do
    upto = upto + 1
    redis.call('ZREM', prefix .. 'owned:' .. session, jobs[upto])  -- what runs ends without an owner
  end
  given_up = given_up + upto
  if room > upto and upto == #jobs then forget(session) else unfinished = unfinished + 1 end
end
lend_touched(keys)
return {given_on, given_up, unfinished, limiters, set_aside_lately(prefix .. 'aside')}
