-- Whether one more fits into a rate (GCRA): the answer is 0, or how many microseconds it is too early.
-- KEYS: the rate. ARGV: microseconds for each one, how many at once.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local each, most = tonumber(ARGV[1]), tonumber(ARGV[2])
-- Never later than it can be, whatever becomes of the clock.
local due = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now), now + each * most) + each
local early = due - each * most - now
if early > 0 then return math.ceil(early) end
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000))
return 0
