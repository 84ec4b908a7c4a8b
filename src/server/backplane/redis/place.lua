-- How many of something all processes hold together: 1 where this one may hold that many, else 0.
-- KEYS: a hash of `count:until` for each process. ARGV: this process, how many it holds with the new one, the most of all
-- or -1 where it is only told, for how many milliseconds that is believed, then the processes that are dead.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local own, count, most, believed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
for i = 5, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
local held = redis.call('HGETALL', KEYS[1])
local others = 0
for i = 1, #held, 2 do
  local its, untl = string.match(held[i + 1], '^(%d+):(%d+)$')
  if tonumber(untl) < now or tonumber(untl) > now + believed then
    redis.call('HDEL', KEYS[1], held[i])
  elseif held[i] ~= own then
    others = others + its
  end
end
if most >= 0 and others + count > most then return 0 end
if count == 0 then
  redis.call('HDEL', KEYS[1], own)
else
  redis.call('HSET', KEYS[1], own, string.format('%d:%.0f', count, now + believed))
  redis.call('PEXPIRE', KEYS[1], believed)
end
return 1
