-- _moved: prepended where calls are moved inside the server, which does nothing else meanwhile.
-- USES _life
-- One script moves so many bytes, and not more than one call above; the next one goes on.
local MOST_MOVED = 2304 * 1024  -- the bytes of one submission, of up to 288 calls
local EACH = 4096  -- what the commands for a call take beside its bytes, as if it were so many more

local function note_moved(house, bytes) house.moved = (house.moved or 0) + EACH + bytes end

local function may_move(house) return (house.moved or 0) < MOST_MOVED end

-- How many calls of at most *largest* bytes may still be moved; 1 at least, where any may.
local function count_movable(house, largest)
  return math.ceil((MOST_MOVED - (house.moved or 0)) / (EACH + largest))
end

-- A job that could have had more of its calls moved; the workers are told, who promote it.
local function put_behind(house, id)
  local behind, control = house.prefix .. 'behind', house.prefix .. 'control'
  if redis.call('SADD', behind, id) == 0 then return end
  live_on(behind)
  if house.promotes then return end
  redis.call('XADD', control, 'MAXLEN', '~', '10000', '*', 'behind', id)
  live_on(control)
end
