-- Empties a log without an open reply, so that every reader continues from a snapshot.
-- KEYS: meta, log, life   ARGV: life, fresh epoch, window ms, channel
local m, l = KEYS[1], KEYS[2]
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[1] then return {'life'} end
local h = redis.call('HMGET', m, 'e', 'v', 'r')
local epoch = h[1]
if not epoch or h[2] ~= ARGV[1] then
  redis.call('DEL', m)
  epoch = ARGV[2]
  redis.call('HSET', m, 'e', epoch, 'v', ARGV[1], 's', 0)
elseif h[3] then
  return {'open'}
end
redis.call('DEL', l)
local last = redis.call('HINCRBY', m, 's', 1)
redis.call('PEXPIRE', m, ARGV[3])
redis.call('PUBLISH', ARGV[4], epoch .. ':' .. last)
return {'ok'}
