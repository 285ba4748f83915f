-- _now: prepended to every script. The server owns the clock; tests may pass their own.
-- What comes from a key, an entry or an argument may be anything: numbers of it are read by whole.
local LAST_WHOLE = 9007199254740991  -- above, a double no longer counts by one, and loops never end

-- *value* as a whole number from *least* (0) to *most* (LAST_WHOLE); nil if it is none.
local function whole(value, least, most)
  local number = tonumber(value)
  if number and number == math.floor(number) and number >= (least or 0)
     and number <= (most or LAST_WHOLE) then
    return number
  end
end

-- The same for an argument: a script that is given another one ends there.
local function argument(at, least, most)
  local number = whole(ARGV[at], least, most)
  if not number then
    error('argument ' .. at .. ' is no whole number from ' .. (least or 0) .. ' to '
          .. string.format('%.0f', most or LAST_WHOLE))
  end
  return number
end

local micros  -- the same moment in microseconds; printed it needs %.0f, as .. writes 14 digits only
local function clock(given)
  if given ~= '' then
    micros = given * 1000
    return tonumber(given)
  end
  local t = redis.call('TIME')
  micros = t[1] * 1000000 + t[2]
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
