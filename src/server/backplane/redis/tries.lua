-- Counts tries, each under several keys: all of them let it in, or it is not counted. The answer is 0, or for how many
-- milliseconds it has to wait.
-- KEYS: hashes of the count `n` and the time of the last `at`. ARGV: what to do, the first delay, then for each key: how many
-- are free, the longest delay, after how long it is forgotten, and 1 where a success resets it.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local what, first = ARGV[1], tonumber(ARGV[2])
local function rule(key, part) return tonumber(ARGV[2 + (key - 1) * 4 + part]) end
if what == 'succeeded' then
  for i, key in ipairs(KEYS) do
    if rule(i, 4) == 1 then
      redis.call('DEL', key)
    elseif tonumber(redis.call('HGET', key, 'n') or '0') > 0 then
      redis.call('HINCRBY', key, 'n', -1)
    end
  end
  return 0
end
local wait = 0
if what ~= 'count' then
  for i, key in ipairs(KEYS) do
    local known = redis.call('HMGET', key, 'n', 'at')
    local beyond = tonumber(known[1] or '0') - rule(i, 1)
    if beyond >= 0 and known[2] then
      -- Beyond 2^30 seconds every limit is reached.
      local delay = math.min(first * 2 ^ math.min(beyond, 30), rule(i, 2))
      -- Never longer than that, whatever becomes of the clock.
      wait = math.max(wait, math.min(tonumber(known[2]) + delay - now, delay))
    end
  end
end
if wait > 0 or what == 'look' then return math.ceil(wait) end
for i, key in ipairs(KEYS) do
  redis.call('HINCRBY', key, 'n', 1)
  redis.call('HSET', key, 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', key, rule(i, 3))
end
return 0
