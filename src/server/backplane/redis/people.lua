-- Who is where: says who is there at this process, and answers who is at others, as process, id, about, for how many
-- milliseconds they are there, and for how many more they type.
-- KEYS: a hash of `until:since:typing:about` for each process and id. ARGV: this process, for how many milliseconds it is
-- believed, the channel, then for each of its own: id, about, for how long it is there, for how long it types.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local own, believed = ARGV[1] .. ':', tonumber(ARGV[2])
local mine, news, others = {}, false, {}
for i = 4, #ARGV, 4 do mine[own .. ARGV[i]] = i end
local held, known = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #held, 2 do
  local field = held[i]
  local untl, since, typing, about = string.match(held[i + 1], '^(%d+):(%d+):(%d+):(.*)$')
  if string.sub(field, 1, #own) == own then
    known[field] = { typing = tonumber(typing), about = about }
    if not mine[field] then
      redis.call('HDEL', KEYS[1], field)
      news = true
    end
  elseif tonumber(untl) < now or tonumber(untl) > now + believed then
    redis.call('HDEL', KEYS[1], field)
  else
    local at = string.find(field, ':', 1, true)
    for _, value in ipairs({ string.sub(field, 1, at - 1), string.sub(field, at + 1), about, math.max(now - since, 0), math.max(typing - now, 0) }) do
      others[#others + 1] = value
    end
  end
end
for field, i in pairs(mine) do
  local about, age, left = ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local typing = left > 0 and now + left or 0
  local former = known[field]
  -- Told again it is a little earlier or later, which is no news.
  if not former or former.about ~= about or math.abs(former.typing - typing) > 1500 and math.max(former.typing, typing) > now then news = true end
  redis.call('HSET', KEYS[1], field, string.format('%.0f:%.0f:%.0f:%s', now + believed, now - age, typing, about))
end
if next(mine) then redis.call('PEXPIRE', KEYS[1], believed) end
if news then redis.call('PUBLISH', ARGV[3], ARGV[1]) end
return others
