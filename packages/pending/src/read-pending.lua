-- Reads the pending messages of one chat in a range of numbers, and its last number, at one moment.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, token, chat number, first number, last number
-- Returns  [last number, or false if Redis does not know it; ordinal of the incarnation of Redis that assigns the chat's numbers
--          and the first number that it assigned, or false twice; number, batch, record ('': lost), number, batch, record…]

local prefix, reference = ARGV[1], ARGV[2] .. ':' .. ARGV[3]
local from, to = tonumber(ARGV[4]), tonumber(ARGV[5])
local pendingKey = prefix .. 'pending:' .. reference
local head = redis.call('GET', prefix .. 'head:' .. reference) or ''
local last, numbering, since = string.match(head, '^%d+ (%d+) ?(%d*) ?(%d*)')
last = tonumber(last)

-- The first and the last number of a range, the first record's offset, the records' lengths, and the batch. Returns nothing if a bit has
-- flipped in a number: there is a length for each. Otherwise readers would see a message under the number of another one, or take numbers
-- for used that are not.
local function readRange(range)
  local first, ending, offset, lengths, batch = string.match(range, '^(%d+) (%d+) (%d+) (%S+) (%S+)$')
  if not first then return end
  local _, commas = string.gsub(lengths, ',', '')
  if ending - first == commas then return tonumber(first), tonumber(ending), offset, lengths, batch end
end

local newest = redis.call('LINDEX', pendingKey, -1)
local ending = tonumber(string.match(newest or '', '^%d+ (%d+) ') or 0)
-- The head may be lost while messages are pending.
if ending > (last or 0) and readRange(newest) then last = ending end

local answer = { last or false, tonumber(numbering) or false, tonumber(since) or false }
if newest and to >= from then
  -- Ranges are in the order of their numbers and do not overlap. Finds the first one that does not end before them.
  local low, high = 0, redis.call('LLEN', pendingKey) - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local ending = string.match(redis.call('LINDEX', pendingKey, middle), '^%d+ (%d+) ')
    if ending and tonumber(ending) < from then low = middle + 1 else high = middle end
  end
  for _, range in ipairs(redis.call('LRANGE', pendingKey, low, low + to - from)) do
    local number, _, offset, lengths, batch = readRange(range)
    for length in string.gmatch(lengths or '', '%d+') do
      local after = offset + length
      if from <= number and number <= to then
        answer[#answer + 1] = number
        answer[#answer + 1] = batch
        answer[#answer + 1] = redis.call('GETRANGE', prefix .. 'records:' .. batch, offset, after - 1)
      end
      number, offset = number + 1, after
    end
  end
end
return answer
