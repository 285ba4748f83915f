-- _now: prepended to every script. The server owns the clock; tests may pass their own.
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
