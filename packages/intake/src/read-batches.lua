-- Reads open batches with their messages, as many as fit a transaction: at least one, then more within the limits of
-- messages and bytes.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, maximum number of messages, maximum number of bytes, batch ids
-- Returns  for each id: "closed" (completed or never accepted), "lost" (open, but its messages are missing), "later" (did
--          not fit), or [chats, records] as accept.lua wrote them.

local prefix, maxRows, maxBytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local rows, bytes, answer = 0, 0, {}

for index = 4, #ARGV do
  local batchKey = prefix .. 'batch:' .. ARGV[index]
  local recordsKey = prefix .. 'records:' .. ARGV[index]
  local chats, size = redis.call('HGET', batchKey, 'chats'), redis.call('STRLEN', recordsKey)
  if not chats or size == 0 then
    answer[#answer + 1] = redis.call('ZSCORE', KEYS[1], ARGV[index]) and 'lost' or 'closed'
  else
    local count = 0
    for messages in string.gmatch(chats, ' (%d+) %d+ [%d,]+\n') do count = count + messages end
    local fits = rows + count <= maxRows and bytes + size <= maxBytes
    if rows > 0 and not fits then
      answer[#answer + 1] = 'later'
    else
      rows, bytes = rows + count, bytes + size
      answer[#answer + 1] = { chats, redis.call('GET', recordsKey) }
    end
  end
end
return answer
