-- Takes an open reply from its owner. KEYS: meta, life   ARGV: life, owner, reply
local m = KEYS[1]
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return {'life'} end
local h = redis.call('HMGET', m, 'e', 's', 'v', 'r', 'f')
if h[3] ~= ARGV[1] or h[4] ~= ARGV[3] then return {'none'} end
redis.call('HSET', m, 'o', ARGV[2], 'b', 0)
return {'ok', h[1], h[2], h[5] or '0'}
