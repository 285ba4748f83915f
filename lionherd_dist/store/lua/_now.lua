-- _now: prepended to every script. The server owns the clock; tests may pass their own.
-- What comes from a key, an entry or an argument may be anything: numbers of it are read by whole,
-- and a key of a wrong type is set aside where it is met, so that no script ends half done by it.
local pcall, ASIDE_LIFE = redis.pcall, 7 * 24 * 3600 * 1000
local function set_aside(key)
  local prefix, name = string.match(key, '^(.-}:)(.*)$')
  local aside = prefix .. 'aside'
  pcall('RENAME', key, aside .. ':' .. name)
  pcall('PEXPIRE', aside .. ':' .. name, ASIDE_LIFE)
  if pcall('TYPE', aside).ok ~= 'hash' then pcall('UNLINK', aside) end
  pcall('HSET', aside, name, pcall('TIME')[1] .. '000')
  pcall('PEXPIRE', aside, ASIDE_LIFE)
end

local function call(...)
  local reply = pcall(...)
  if type(reply) == 'table' and reply.err then
    if not string.find(reply.err, 'WRONGTYPE', 1, true) then error(reply) end
    set_aside((select(2, ...)))
    reply = pcall(...)
    if type(reply) == 'table' and reply.err then error(reply) end
  end
  return reply
end
local redis = {call = call, pcall = pcall}

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
