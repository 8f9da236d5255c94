-- Reads one chat's pending messages of a range of numbers, and its last number, as of one moment.
--
-- KEYS     batches, moving (guardKeys in scripts.ts says why)
-- ARGV     prefix, token, chat number, first number, last number
-- Returns  [last number or false where Redis does not know, number, record, number, record…]

local prefix, place = ARGV[1], ARGV[2] .. ':' .. ARGV[3]
local from, to = tonumber(ARGV[4]), tonumber(ARGV[5])
local pendingKey = prefix .. 'pending:' .. place
local last = tonumber(redis.call('HGET', prefix .. 'head:' .. place, 'last'))

-- A lost head says nothing of what is pending.
local newest = redis.call('ZREVRANGE', pendingKey, 0, 0)[1]
if newest then
  local first, count = string.match(newest, '^(%d+) (%d+) ')
  last = math.max(last or 0, first + count - 1)
end

local answer = { last or false }
if newest and to >= from then
  -- Ranges do not overlap: of those that begin before the first number, only the last one can reach it.
  local ranges = redis.call('ZREVRANGEBYSCORE', pendingKey, '(' .. ARGV[4], '-inf', 'LIMIT', 0, 1)
  for _, range in ipairs(redis.call('ZRANGEBYSCORE', pendingKey, ARGV[4], ARGV[5])) do ranges[#ranges + 1] = range end
  for _, range in ipairs(ranges) do
    local first, count, field, batch = string.match(range, '^(%d+) (%d+) (%d+) (.+)$')
    local shift = field - first
    for number = math.max(from, tonumber(first)), math.min(to, first + count - 1) do
      answer[#answer + 1] = string.format('%d', number)
      answer[#answer + 1] = redis.call('HGET', prefix .. 'batch:' .. batch, string.format('%d', number + shift))
    end
  end
end
return answer
