-- Removes batches that are committed to the database, by their ids. A newer batch that has the same numbers is not
-- touched. Raises the heads first, so that every number is always covered by MySQL's maximum or by the head. In the
-- same step, renumbers messages whose numbers are taken and puts them in a new batch. Running it again changes nothing.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, seconds for which a batch's reply is kept for a resend, seconds for which an idle head is kept, id of the
--          new batch, number of heads to distrust; for each of them: token, chat number; then for each batch: id, number of
--          messages to renumber; for each of them: its record, and the chat id and last number in the database.
-- Returns  {number of completed messages, then for each message to renumber its new number, or false if its batch was
--          already complete}

local prefix, keepReply, keepHead, newBatch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local clock = time[1] * 1000 + time[2] / 1000
local completed, answer = 0, {}
local newChats, newRecords, newKeepMs = '', '', false

-- A head has the chat's id, its last number, and the incarnation unless the head is distrusted.
local function readHead(headKey)
  local id, last, incarnation = string.match(redis.call('GET', headKey) or '', '^(%d+) (%d+)(.*)$')
  return tonumber(last or 0), incarnation or '', id
end

local at = 6
for _ = 1, tonumber(ARGV[5]) do
  local headKey = prefix .. 'head:' .. ARGV[at] .. ':' .. ARGV[at + 1]
  local last, _, id = readHead(headKey)
  if id then redis.call('SET', headKey, id .. ' ' .. last, 'KEEPTTL') end
  at = at + 2
end

-- A later request with the same idempotency key must get the final number of its message.
local function renumberKey(token, digest, keepMs, before, after)
  local window = math.floor(clock / (keepMs / 2))
  for back = 0, 2 do
    local key = prefix .. 'idem:' .. token .. ':' .. string.format('%d', window - back) .. ':' .. string.sub(digest, 1, 2)
    local seen = redis.call('HGET', key, digest)
    -- The value begins with the number (keyFormat in accept.lua).
    if seen and struct.unpack('>I4', seen) == before then
      redis.call('HSET', key, digest, struct.pack('>I4', after) .. string.sub(seen, 5))
    end
  end
end

local erasedKey = prefix .. 'erased'
local anyErased = redis.call('EXISTS', erasedKey) == 1

local function raiseHead(headKey, id, to)
  local last, incarnation = readHead(headKey)
  if last < to then redis.call('SET', headKey, id .. ' ' .. to .. incarnation) end
end

local function move(chat, before, record, keepMs, id, loadedLast)
  local headKey, pendingKey = prefix .. 'head:' .. chat.reference, prefix .. 'pending:' .. chat.reference
  local last, incarnation = readHead(headKey)
  last = math.max(last, loadedLast)
  local newest = redis.call('ZREVRANGE', pendingKey, 0, 0)[1]
  if newest then
    local first, count = string.match(newest, '^(%d+) (%d+) ')
    last = math.max(last, first + count - 1)
  end
  local number = last + 1
  redis.call('SET', headKey, id .. ' ' .. number .. incarnation)
  local range = number .. ' 1 ' .. #newRecords .. ' ' .. #record
  newRecords = newRecords .. record
  newChats = newChats .. chat.token .. ' ' .. chat.number .. ' ' .. id .. ' ' .. range .. '\n'
  redis.call('ZADD', pendingKey, number, range .. ' ' .. newBatch)
  local digest = string.match(record, '^1 %S+ %S+ %S+ %S+ ([^%s]+)[ \n]')
  if digest and digest ~= '-' and keepMs then
    renumberKey(chat.token, digest, keepMs, before, number)
    newKeepMs = keepMs
  end
  return number
end

-- The lines of accept.lua.
local function chatsOf(index)
  local chats, record, token = {}, 1, nil
  for given, number, id, range in string.gmatch(index, '(%S*) (%S+) (%S+) ([^\n]+)\n') do
    if given ~= '' then token = given end
    local first, count = string.match(range, '^(%d+) (%d+) ')
    chats[#chats + 1] = {
      token = token, number = number, reference = token .. ':' .. number, id = id, range = range,
      first = tonumber(first), count = tonumber(count), record = record,
    }
    record = record + count
  end
  return chats
end

local function readRecord(recordsKey, range, position)
  local offset, lengths = string.match(range, '^%d+ %d+ (%d+) (.+)$')
  for length in string.gmatch(lengths, '%d+') do
    if position == 0 then return redis.call('GETRANGE', recordsKey, offset, offset + length - 1) end
    offset, position = offset + length, position - 1
  end
end

while ARGV[at] do
  local batch, moves = ARGV[at], tonumber(ARGV[at + 1])
  local batchKey, recordsKey = prefix .. 'batch:' .. batch, prefix .. 'records:' .. batch
  local found = redis.call('HMGET', batchKey, 'chats', 'reply', 'keepMs')
  local chats = chatsOf(found[1] or '')
  at = at + 2
  for _, chat in ipairs(chats) do
    raiseHead(prefix .. 'head:' .. chat.reference, chat.id, chat.first + chat.count - 1)
    redis.call('ZREM', prefix .. 'pending:' .. chat.reference, chat.range .. ' ' .. batch)
    completed = completed + chat.count
  end
  for _ = 1, moves do
    local record, id, loadedLast = tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 2])
    at = at + 3
    local number = false
    for _, chat in ipairs(chats) do
      local position = record - chat.record
      if position >= 0 and position < chat.count then
        -- The record names its first batch from now on (encodeRecord in pending-record.ts).
        local text = string.gsub(readRecord(recordsKey, chat.range, position), '^(1 %S+ )(%d+ )', '%1' .. batch .. '/%2')
        number = move(chat, chat.first + position, text, found[3], id, loadedLast)
        completed = completed - 1
      end
    end
    answer[#answer + 1] = number
  end
  -- An idle head expires. A head with pending messages does not.
  for _, chat in ipairs(chats) do
    local reference = chat.reference
    if anyErased and (redis.call('ZSCORE', erasedKey, chat.token) or redis.call('ZSCORE', erasedKey, reference)) then
      -- Its batch may have been stored before the chat was deleted.
      redis.call('UNLINK', prefix .. 'head:' .. reference)
    elseif redis.call('EXISTS', prefix .. 'pending:' .. reference) == 0 then
      redis.call('EXPIRE', prefix .. 'head:' .. reference, keepHead)
    end
  end
  if found[1] then
    redis.call('UNLINK', batchKey)
    if found[2] then
      redis.call('HSET', batchKey, 'reply', found[2])
      redis.call('EXPIRE', batchKey, keepReply)
    end
  end
  -- They may be left over from a batch that was evicted.
  redis.call('UNLINK', recordsKey)
  redis.call('ZREM', KEYS[1], batch)
end

if newChats ~= '' then
  local batchKey = prefix .. 'batch:' .. newBatch
  redis.call('HSET', batchKey, 'chats', newChats)
  if newKeepMs then redis.call('HSET', batchKey, 'keepMs', newKeepMs) end
  redis.call('SET', prefix .. 'records:' .. newBatch, newRecords)
  redis.call('ZADD', KEYS[1], string.format('%d', clock), newBatch)
end
if completed > 0 then
  redis.call('DECRBY', prefix .. 'pending', completed)
  redis.call('INCRBY', prefix .. 'stored', completed)
end
table.insert(answer, 1, completed)
return answer
