-- Tells what the log has after a position, and begins one where there is none, so that all have one epoch.
-- KEYS: meta, log, life   ARGV: life, fresh epoch, window ms, known epoch, known seq
local m, l = KEYS[1], KEYS[2]
local life, fresh, window, known_epoch, known = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if (redis.call('GET', KEYS[3]) or '') ~= life then return {'life'} end
local h = redis.call('HMGET', m, 'e', 's', 'v', 'o', 'r', 'f')
local epoch, last = h[1], tonumber(h[2] or '0')
if not epoch or h[3] ~= life or (known_epoch == epoch and last < known) then
  redis.call('DEL', l, m)
  epoch, last, h = fresh, 0, {}
  redis.call('HSET', m, 'e', epoch, 'v', life, 's', 0)
end
redis.call('PEXPIRE', m, window)
redis.call('PEXPIRE', l, window)
local entries = {}
if known_epoch ~= epoch then
  entries = redis.call('XRANGE', l, '-', '+')
elseif known < last then
  entries = redis.call('XRANGE', l, (known + 1) .. '-0', '+')
end
return {'ok', epoch, last, h[5] or '', h[4] or '', h[6] or '0', entries}
