-- Reads the pending messages of one chat in a range of numbers, and its last number, at one moment.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, token, chat number, first number, last number
-- Returns  [last number, or false if Redis does not know it; number, record, number, record…]

local prefix, reference = ARGV[1], ARGV[2] .. ':' .. ARGV[3]
local from, to = tonumber(ARGV[4]), tonumber(ARGV[5])
local pendingKey = prefix .. 'pending:' .. reference
local last = tonumber(string.match(redis.call('GET', prefix .. 'head:' .. reference) or '', '^%d+ (%d+)'))

-- The head may be lost while messages are pending.
local newest = redis.call('ZREVRANGE', pendingKey, 0, 0)[1]
if newest then
  local first, count = string.match(newest, '^(%d+) (%d+) ')
  last = math.max(last or 0, first + count - 1)
end

local answer = { last or false }
if newest and to >= from then
  -- Ranges do not overlap, so only the last range that begins before the first number can contain it.
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
