-- lend: a process asks for tokens of a limiter and gives some back; what is free is lent, in order.
-- Requests of a session are numbered; one that is sent twice, or late, counts once.
-- USES _lend
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 session | 2 now (ms, '' = server clock) | 3 limiter (name)
-- ARGV | 4 total (count) | 5 quarantine (ms): both for a limiter that is not there yet; the second
-- is 0 for none, negative if the session follows one whose tokens may still be in use
-- ARGV | 6 look: 1 = drop what the dead hold, as at a first word, and list what is ours
-- ARGV | 7 first (the number of the first new request) | 8 requests (count)
-- ARGV | 9 ends (count) | 10 hasty (count)
-- ARGV | 11 run: the first number that ends, if the others count on from it; else '' and they follow
-- ARGV | 12 the numbers that end, then those that are not to wait, then those that were asked for
-- before and wait
-- RETURN {} session lost
-- | {total (count), borrowed (count), waiting (count), lent, ours, holders, at once, lost}
-- lent: n, fence of each token that is now this session's out of the queue
-- at once: first n, first fence, count of those that had not to wait; both count on; with look also
-- ours: n, fence of all that are, holders: owner, tokens (count) of each
-- lost: n of those that wait and have no place, since somebody took it or the server forgot it
local house = {sessions = KEYS[1], calls = KEYS[2], slots = KEYS[3], prefix = KEYS[4], asking = {}}
local session = ARGV[1]
house.now = clock(ARGV[2])
redis.call('ZREM', house.sessions, '')  -- a first write that a server at maxmemory does not refuse
if not lives(house, session) then return {} end

local look, first = ARGV[6] == '1', argument(7)
local last = first + argument(8, 0, MOST_NAMES) - 1
local run = whole(ARGV[11])
local ends, hasty = argument(9, 0, run and MOST_NAMES or #ARGV), argument(10, 0, #ARGV)
local limiter = open_limiter(house, ARGV[3], argument(4, 0, MOST_TOKENS), ARGV[5])
local hasty_from = 12 + (run and 0 or ends)
local mine = session .. '/'

if look then list_limiter(house, limiter.name) end
if enter(house, limiter, session) or look then drop_dead(house, limiter) end
local new, over = {}, {}
if last >= first then  -- numbers only grow: what was seen is never asked for again
  first = math.max(first, (whole(redis.call('HGET', limiter.seen, session)) or 0) + 1)
  new = count_on(session, first, last - first + 1)
  if last >= first then redis.call('HSET', limiter.seen, session, last) end
end
if run then
  over = count_on(session, run, ends)
else
  for i = 1, ends do over[i] = mine .. ARGV[11 + i] end
end
if in_parts('ZREM', limiter.held, over) < ends then in_parts('ZREM', limiter.queue, over) end
local at_once, others_wait = lend_or_enqueue(house, limiter, new)
local fence = limiter.fence + 1 - at_once  -- of the first
local lent = others_wait and announce(house, limiter, lend_free(house, limiter), session) or {}
for i = hasty_from, hasty_from + hasty - 1 do redis.call('ZREM', limiter.queue, mine .. ARGV[i]) end
save_limiter(limiter, look)

local ours, counts, holders, lost = {}, {}, {}, {}
for i = hasty_from + hasty, #ARGV do
  if not has(limiter, mine .. ARGV[i]) then table.insert(lost, ARGV[i]) end
end
if look then
  local held = redis.call('ZRANGE', limiter.held, 0, -1, 'WITHSCORES')
  for i = 1, #held, 2 do
    local owner, n = string.match(held[i], '^([^/]+)/(%d+)$')
    counts[owner] = (counts[owner] or 0) + 1
    if owner == session then
      table.insert(ours, n)
      table.insert(ours, string.format('%.0f', held[i + 1]))
    end
  end
  for owner, count in pairs(counts) do
    table.insert(holders, owner)
    table.insert(holders, tostring(count))
  end
end
return {limiter.total, redis.call('ZCARD', limiter.held), redis.call('ZCARD', limiter.queue),
        lent, ours, holders, {first, fence, at_once}, lost}
