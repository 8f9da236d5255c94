-- Lists open batches that have a minimum age, the oldest first. Ages are by Redis' clock, which also set the times. If a time is in the
-- future, because the clock has stepped back since then, its batch may have any age, and counts as old.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     minimum age (ms), number of batches to skip, maximum number of batches
-- Returns  {age of the oldest open batch (ms) or false, ids…}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
local answer = { oldest and math.max(0, now - oldest) or false }
local skip, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local function list(from, to)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], from, to, 'LIMIT', skip, most + 1 - #answer)) do
    answer[#answer + 1] = id
  end
  skip = math.max(0, skip - redis.call('ZCOUNT', KEYS[1], from, to))
end
list('-inf', string.format('%d', now - ARGV[1]))
list(string.format('(%d', now), '+inf')
return answer
