-- Numbers events and appends them, if the caller may.
-- KEYS: meta, log, turn, life, cancel
-- ARGV: life, fresh epoch, window ms, known epoch, known seq, floor seq, channel, mode, owner, reply, batch, expected epoch, turn, events...
local m, l = KEYS[1], KEYS[2]
local life, fresh, window, known_epoch, known, floor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local channel, mode, owner, reply, batch, expected, turn = ARGV[7], ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11]), ARGV[12], ARGV[13]
-- Learn the life first; nothing is written.
if (redis.call('GET', KEYS[4]) or '') ~= life then return {'life'} end
if turn ~= '' and redis.call('GET', KEYS[3]) ~= turn then return {'late'} end
local h = redis.call('HMGET', m, 'e', 's', 'v', 'o', 'r', 'b', 'f', 'z')
local epoch, last, begun = h[1], tonumber(h[2] or '0'), nil
-- Gone, of another life, or rolled back.
if not epoch or h[3] ~= life or (known_epoch == epoch and last < known) then
  if mode == 'piece' or mode == 'end' then return {'lost'} end
  redis.call('DEL', l, m)
  epoch, last, h = fresh, 0, {}
  redis.call('HSET', m, 'e', epoch, 'v', life, 's', 0)
end
if mode == 'open' or mode == 'reopen' then
  if h[5] and h[5] ~= reply then return {'open', h[5]} end
  if h[5] and h[4] ~= owner then return {'fenced'} end
  if h[5] and mode == 'open' then return {'again', epoch, last, h[7]} end
  -- Every mirror sees the jump and takes a snapshot.
  if mode == 'reopen' then redis.call('DEL', l); last = last + 1 end
elseif mode == 'quiet' then
  if h[5] then return {'open', h[5]} end
elseif mode == 'piece' or mode == 'end' then
  if epoch ~= expected then return {'lost'} end
  if mode == 'end' and h[8] == reply then return {'again', epoch, last, '0'} end
  if h[4] ~= owner or h[5] ~= reply then return {'fenced'} end
  if batch <= tonumber(h[6] or '0') then return {'again', epoch, last, h[7] or '0'} end
  -- The log has the opening of an open reply. Without it, Redis has evicted the log alone, and what came next would follow a gap.
  local opening = (h[7] or '0') .. '-0'
  if #redis.call('XRANGE', l, opening, opening) == 0 then
    -- It is not open any more: else nobody could end it, and no other be opened. Every mirror sees the jump.
    redis.call('DEL', l)
    redis.call('HDEL', m, 'o', 'r', 'f', 'b')
    redis.call('HSET', m, 's', last + 1)
    redis.call('PUBLISH', channel, epoch .. ':' .. last + 1)
    return {'lost'}
  end
end
-- Deleted: its text goes now, also where the memory is full. After that the rest is not refused.
if mode == 'gone' then redis.call('DEL', l) end
for i = 14, #ARGV do
  last = last + 1
  redis.call('XADD', l, last .. '-0', 'e', ARGV[i])
  if not begun and string.sub(ARGV[i], 1, 1) == 'R' then begun = last end
end
if mode == 'open' or mode == 'reopen' then
  redis.call('HSET', m, 's', last, 'o', owner, 'r', reply, 'f', begun or last, 'b', 0)
elseif mode == 'piece' then
  redis.call('HSET', m, 's', last, 'b', batch)
else
  redis.call('HSET', m, 's', last)
  if mode == 'end' then
    redis.call('HDEL', m, 'o', 'r', 'f', 'b')
    redis.call('HSET', m, 'z', reply)
  end
  if mode == 'gone' then
    redis.call('HDEL', m, 'o', 'r', 'f', 'b')
    floor = last
  end
end
-- The events of an open reply stay.
local first = tonumber(h[7] or '0')
if mode ~= 'gone' and h[5] and mode ~= 'end' and first > 0 and first < floor then floor = first end
if floor > 0 then redis.call('XTRIM', l, 'MINID', mode == 'gone' and '=' or '~', floor .. '-0') end
redis.call('PEXPIRE', m, window)
redis.call('PEXPIRE', l, window)
redis.call('PUBLISH', channel, epoch .. ':' .. last)
return {redis.call('GET', KEYS[5]) == reply and 'cancel' or 'ok', epoch, last}
