-- check: is all there of jobs that somebody waits for? One of which something is gone ends here.
-- Sessions that are not among those that live, and have not quit, are to be reaped.
-- UNLINK is the first write: a server at maxmemory refuses scripts that begin by adding.
-- USES _lost
-- KEYS 1 sessions: zset, session -> expires at (ms)
-- KEYS 2 calls: stream of released calls
-- KEYS 3 slots: hash, session -> slots, '*' -> their sum
-- KEYS 4 prefix: what every key of the namespace begins with
-- ARGV 1 now (ms, '' = server clock)
-- ARGV | 2 most (so many kept jobs that are not done are looked at besides, and so many sessions)
-- ARGV | 3 and so on: job ids
-- RETURN for each of the ids: {calls accepted (count), outcomes consumed (count), done (count)}
-- | {} it is over | {-1} it is lost
local house = {sessions = KEYS[1], calls = KEYS[2], slots = KEYS[3], prefix = KEYS[4], asking = {}}
house.now = clock(ARGV[1])
local prefix, reply = house.prefix, {}

local function check(id)
  local job_key = prefix .. 'job:' .. id
  local job = load_job(job_key)
  if job and is_whole(prefix, id, job) then
    if job.limiter and job.next > job.released then release(house, id, job) end  -- it asks anew
    return {job.next, job.consumed, job.done}
  end
  local was_there = redis.call('EXISTS', job_key, job_key .. ':backlog', job_key .. ':hand') > 0
  if not was_there and not redis.call('ZSCORE', prefix .. 'owned:', id) then return {} end
  lose_job(prefix, id)
  return {-1}
end

for at = 3, #ARGV do reply[at - 2] = check(ARGV[at]) end
local most = argument(2, 0, 1000)
if most > 0 then
  for _, id in ipairs(redis.call('ZRANDMEMBER', prefix .. 'owned:', most)) do check(id) end
  for _, session in ipairs(redis.call('HRANDFIELD', prefix .. 'places', most)) do
    -- One that the server forgot has ended: it is reaped with what it left.
    redis.call('ZADD', house.sessions, 'NX', 1, session)
  end
end
lend_touched(house)
return reply
