-- Lists open batches that have a minimum age, the oldest first. Ages are by Redis' clock, which also set the times.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     minimum age (ms), number of batches to skip, maximum number of batches
-- Returns  {age of the oldest open batch (ms) or false, ids…}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
local answer = { oldest and math.max(0, now - oldest) or false }
local before = string.format('%d', now - ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', before, 'LIMIT', ARGV[2], ARGV[3])) do
  answer[#answer + 1] = id
end
return answer
