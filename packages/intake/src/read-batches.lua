-- Reads open batches with their messages, as many as fit a transaction: at least one, then more within the limits of
-- messages and bytes.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, maximum number of messages, maximum number of bytes, batch ids
-- Returns  for each id: "closed" (completed or never accepted), "lost" (open, but its messages are missing), "later" (did
--          not fit), or [chats as JSON, the records in order].

local prefix, maxRows, maxBytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local rows, bytes, answer = 0, 0, {}

for index = 4, #ARGV do
  local batchKey = prefix .. 'batch:' .. ARGV[index]
  local found = redis.call('HMGET', batchKey, 'chats', 'bytes')
  if not found[1] then
    answer[#answer + 1] = redis.call('ZSCORE', KEYS[1], ARGV[index]) and 'lost' or 'closed'
  else
    local count = 0
    for _, chat in ipairs(cjson.decode(found[1])) do count = count + chat[5] end
    local fits = rows + count <= maxRows and bytes + found[2] <= maxBytes
    if rows > 0 and not fits then
      answer[#answer + 1] = 'later'
    else
      rows, bytes = rows + count, bytes + found[2]
      local batch = { found[1] }
      for field = 1, count do batch[field + 1] = redis.call('HGET', batchKey, field) end
      answer[#answer + 1] = batch
    end
  end
end
return answer
