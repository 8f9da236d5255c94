-- Reads open batches with their messages, as many as fit a transaction: at least one, then more within the limits of
-- messages and bytes. What follows one that does not fit is not looked at, because a worker may ask for thousands.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, maximum number of messages, maximum number of bytes, batch ids
-- Returns  for each id: "closed" (completed or never accepted), "later" (did not fit), or [chats, records, numberings] as
--          the accept script wrote them. Records are empty if the batch is lost: open, but its messages are missing; so may be its chats.

local prefix, maxRows, maxBytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local rows, bytes, isFull, answer = 0, 0, false, {}

local function read(id)
  local batchKey, recordsKey = prefix .. 'batch:' .. id, prefix .. 'records:' .. id
  local found, size = redis.call('HMGET', batchKey, 'chats', 'numberings'), redis.call('STRLEN', recordsKey)
  local chats = found[1]
  if not chats or size == 0 then
    if not redis.call('ZSCORE', KEYS[1], id) then return 'closed' end
    return { chats or '', '', found[2] or '' }
  end
  local count = 0
  for first, last in string.gmatch(chats, '%S* %S+ %S+ %S+ (%d+) (%d+) %S+ %S+\n') do count = count + last - first + 1 end
  isFull = rows > 0 and (rows + count > maxRows or bytes + size > maxBytes)
  if isFull then return 'later' end
  rows, bytes = rows + count, bytes + size
  return { chats, redis.call('GET', recordsKey), found[2] or '' }
end

for index = 4, #ARGV do answer[index - 3] = isFull and 'later' or read(ARGV[index]) end
return answer
