-- died: the sessions of a process that died end now: whoever reaps next sees to what was theirs.
-- Its token says which process it was: no other process has it, however alike the rest may be.
-- ZREM comes first: a server at maxmemory refuses scripts that begin by adding.
-- USES _give_on
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 places: hash, session -> host:pid of its process, /, its token
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 token | 2 cursor (of HSCAN, 0 at first) | 3 most (calls told of, count)
-- RETURN {cursor for the next part of places, '0' after the last; sessions ended (count);
--         calls in their hand: "job index", payload ('' if it is large), ...}
local sessions, calls_key, places, prefix = unpack(KEYS)
local token, most, LARGEST, AT_ONCE = ARGV[1], argument(3, 0, 100), 4096, 500
local page = redis.call('HSCAN', places, ARGV[2], 'COUNT', AT_ONCE)
local ended, told = 0, {}

local function tell(entry)
  local header, payloads = handed_out(calls_key, entry)
  local id, first = parts_of(header)
  local index = id and in_hand(prefix .. 'job:' .. id, entry, first, #payloads)
  if not index then return end
  local payload = payloads[1 + index - first]
  told[#told + 1] = id .. ' ' .. index
  told[#told + 1] = #payload <= LARGEST and payload or ''
end

redis.call('ZREM', sessions, '')
for k = 1, #page[2], 2 do
  local session, place = page[2][k], page[2][k + 1]
  if string.match(place, '^[^/]*/([^/]+)') == token and redis.call('ZSCORE', sessions, session) then
    redis.call('ZADD', sessions, 'XX', 0, session)
    ended = ended + 1
    local room = most - #told / 2
    local pending = room > 0
      and redis.pcall('XPENDING', calls_key, 'workers', '-', '+', room, session) or {}
    for _, one in ipairs(pending) do tell(one[1]) end
  end
end
return {page[1], ended, unpack(told)}
