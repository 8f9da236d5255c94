-- Forgets messages that are stored: raises the heads first, so that a number is never missed by both MySQL's maximum and
-- the head. Running it again changes nothing.
--
-- KEYS[1]  batches
-- ARGV     prefix, seconds that a batch's reply is kept for a resend, seconds that an idle head is kept, number of batches,
--          the batches' ids, number of chats; then for each chat: token, chat number, chat id, highest number, how many
--          numbers, the numbers.
-- Returns  how many pending records were removed.

local prefix, keepReply, keepHead = ARGV[1], ARGV[2], ARGV[3]
local batches, removed = tonumber(ARGV[4]), 0
local at = 5 + batches

for _ = 1, tonumber(ARGV[at]) do
  local headKey = prefix .. 'head:' .. ARGV[at + 1] .. ':' .. ARGV[at + 2]
  local id, highest, count = ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  if tonumber(redis.call('HGET', headKey, 'last') or 0) < highest then
    redis.call('HSET', headKey, 'id', id, 'last', highest)
  end
  redis.call('EXPIRE', headKey, keepHead)
  local pendingKey = prefix .. 'pending:' .. id
  at = at + 5
  -- Lua's unpack takes a few thousand values at a time.
  for from = at + 1, at + count, 1000 do
    removed = removed + redis.call('HDEL', pendingKey, unpack(ARGV, from, math.min(from + 999, at + count)))
  end
  at = at + count
end

for index = 5, 4 + batches do
  redis.call('ZREM', KEYS[1], ARGV[index])
  redis.call('EXPIRE', prefix .. 'batch:' .. ARGV[index], keepReply)
end
if removed > 0 then
  redis.call('DECRBY', prefix .. 'pending', removed)
  redis.call('INCRBY', prefix .. 'stored', removed)
end
return removed
