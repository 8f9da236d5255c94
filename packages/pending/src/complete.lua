-- Removes batches that are committed to the database, by their ids. A newer batch that has the same numbers is not
-- touched. Raises the heads first, so that every number is always covered by MySQL's maximum or by the head. In the
-- same step, renumbers messages whose numbers are taken and puts them in a new batch, and gives the keys of repetitions the
-- numbers of the messages that they repeat. If no batch is left open, no message is
-- counted as pending. Running it again changes nothing.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, seconds for which a batch's results are kept for a resend, seconds for which an idle head is kept, id of the
--          new batch, number of heads to distrust; for each of them: token, chat number; then for each batch: id, number of
--          messages to renumber; for each of them: its record, and the chat id and last number in the database; number of
--          repetitions; for each of them: its record, and the number and the time in milliseconds of the message that it repeats.
-- Returns  {number of completed messages, ids of the batches of which Redis knows nothing any more, then for each message to renumber its
--          new number, or false if its batch was already complete}

local prefix, keepResults, keepHead, newBatch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local clock = time[1] * 1000 + time[2] / 1000
local completed, missing, answer = 0, {}, {}
local newChats, newRecords, newKeepMs, newScore = '', '', false, clock

-- A head has the chat's id, its last number, and unless it is distrusted the incarnation with what belongs to it (accept/messages.lua).
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

-- What the batches have, and what they have of each chat.
local batches, isGiven, chats, chatsOf = {}, {}, {}, {}

-- Adds the chats of a batch (the lines of the accept script) to those of all batches. Returns, for a batch with messages to renumber
-- or with repetitions, which records are whose, then how many messages it has, and for one with numberings, the chats in the order of its lines.
local function readChats(text, needsParts, hasNumberings)
  local parts, lines, messages, owner, token, ofToken = {}, {}, 0, '', '', {}
  for given, chat, id, first, last, from, lengths in
    string.gmatch(text, '(%S*) (%d+) (%d+) %d+ (%d+) (%d+) (%d+) (%S+)\n')
  do
    if given ~= '' then
      owner, token = given, string.match(given, '^[^/]+')
      ofToken = chatsOf[token] or {}
      chatsOf[token] = ofToken
    end
    local all = ofToken[chat]
    if not all then
      all = { token = token, chat = chat, reference = token .. ':' .. chat, last = 0, count = 0 }
      ofToken[chat], chats[#chats + 1] = all, all
    end
    first, last = tonumber(first), tonumber(last)
    local count = last - first + 1
    if last > all.last then all.last = last end
    all.id, all.count = id, all.count + 1
    if hasNumberings then lines[#lines + 1] = all end
    if needsParts then
      parts[#parts + 1] = {
        chat = all, owner = owner, from = from, lengths = lengths, first = first, count = count, record = messages + 1,
      }
    end
    messages = messages + count
  end
  return parts, messages, lines
end

while ARGV[at] do
  local id, moves, repetitions = ARGV[at], {}, {}
  -- Two jobs may have brought the same batch.
  local found = isGiven[id] and {} or redis.call('HMGET', prefix .. 'batch:' .. id, 'chats', 'results', 'keepMs', 'numberings')
  isGiven[id] = true
  if found[1] == false and not found[2] then missing[#missing + 1] = id end
  local numberings = found[4] or ''
  at = at + 1
  for move = 1, tonumber(ARGV[at]) do
    local from = at + 3 * move - 2
    moves[move] = { record = tonumber(ARGV[from]), id = ARGV[from + 1], last = tonumber(ARGV[from + 2]) }
  end
  at = at + 1 + 3 * #moves
  for repetition = 1, tonumber(ARGV[at]) do
    local from = at + 3 * repetition - 2
    repetitions[repetition] = { record = tonumber(ARGV[from]), number = tonumber(ARGV[from + 1]), time = tonumber(ARGV[from + 2]) }
  end
  at = at + 1 + 3 * #repetitions
  local parts, messages, lines = readChats(found[1] or '', #moves + #repetitions > 0, numberings ~= '')
  completed = completed + messages
  batches[#batches + 1] = {
    id = id, open = found[1], results = found[2], keepMs = found[3], parts = parts, moves = moves,
    repetitions = repetitions, numberings = numberings, lines = lines,
  }
end

-- From now on MySQL knows which incarnation assigns the numbers of these chats, unless the batch was lost before it was stored.
for _, batch in ipairs(batches) do
  if batch.numberings ~= '' and redis.call('EXISTS', prefix .. 'records:' .. batch.id) == 1 then
    for line in string.gmatch(batch.numberings, '[^\n]+') do
      local nth, numbering, since, sum = string.match(line, '^(%d+) (%d+) (%d+) (%d+)$')
      local chat = batch.lines[tonumber(nth)]
      -- The worker has left out a damaged line.
      if chat and tonumber(sum) == checkSum(chat.id, numbering, since, 0, 0) then
        chat.unstored = ' ' .. numbering .. ' ' .. since .. '+'
      end
    end
  end
end

for _, chat in ipairs(chats) do
  local headKey = prefix .. 'head:' .. chat.reference
  local last, incarnation, id = readHead(headKey)
  local unstored = chat.unstored
  local isStored = unstored and string.sub(incarnation, 1, #unstored) == unstored
  if isStored then incarnation = string.sub(unstored, 1, -2) .. string.sub(incarnation, #unstored + 1) end
  if last < chat.last then redis.call('SET', headKey, chat.id .. ' ' .. chat.last .. incarnation)
  elseif isStored then redis.call('SET', headKey, id .. ' ' .. last .. incarnation) end
end

-- A later request with the same idempotency key must get the final number of its message, and the time if that is another one. The key is digest, or
-- time.digest.hash of the request (createRecordEncoder in pending-record.ts).
local function renumberKey(token, key, keepMs, before, after, acceptedAt)
  local time, digest = string.match(key, '^(%d+)%.([^.]+)%.')
  local periods = {}
  if time then
    local minute = string.format('%d', math.floor(time / 60000))
    periods = { 'm' .. minute, 'o' .. minute }
  else
    digest = key
    local window = math.floor(clock / (keepMs / 2))
    for back = -1, 2 do periods[#periods + 1] = string.format('%d', window - back) end
  end
  for _, period in ipairs(periods) do
    local hashKey = prefix .. 'idem:' .. token .. ':' .. period .. ':' .. string.sub(digest, 1, 2)
    local seen = redis.call('HGET', hashKey, digest)
    -- The value begins with the number and the time (keyFormat in accept/idempotency.lua).
    if seen and struct.unpack('>I4', seen) == before then
      local value = struct.pack('>I4', after) .. string.sub(seen, 5)
      if acceptedAt then value = struct.pack('>I4I6', after, acceptedAt) .. string.sub(seen, 11) end
      redis.call('HSET', hashKey, digest, value)
    end
  end
end

local function readRecord(batch, part, position)
  local offset = part.from
  for length in string.gmatch(part.lengths, '%d+') do
    if position == 0 then return redis.call('GETRANGE', prefix .. 'records:' .. batch, offset, offset + length - 1) end
    offset, position = offset + length, position - 1
  end
end

-- The part of a batch that has a record, and its position there.
local function partOf(batch, record)
  for _, part in ipairs(batch.parts) do
    local position = record - part.record
    if position >= 0 and position < part.count then return part, position end
  end
end

local function keyOf(batch, record)
  local key = string.match(record, '^1 %S+ %S+ %S+ %S+ ([^%s]+)[ \n]')
  return key and key ~= '-' and batch.keepMs and key
end

local function move(batch, part, position, id, loadedLast)
  local chat, before = part.chat, part.first + position
  -- The record names its first batch from now on (createRecordEncoder in pending-record.ts).
  local record = string.gsub(readRecord(batch.id, part, position), '^(1 %S+ )(%d+ )', '%1' .. batch.id .. '/%2')
  local headKey, pendingKey = prefix .. 'head:' .. chat.reference, prefix .. 'pending:' .. chat.reference
  local last, incarnation = readHead(headKey)
  last = math.max(last, loadedLast)
  local newest = redis.call('LINDEX', pendingKey, -1)
  if newest then last = math.max(last, tonumber(string.match(newest, '^%d+ (%d+) ') or 0)) end
  local number = last + 1
  redis.call('SET', headKey, id .. ' ' .. number .. incarnation)
  local range = number .. ' ' .. number .. ' ' .. #newRecords .. ' ' .. #record
  newRecords = newRecords .. record
  local epoch = string.match(part.owner, '/(%d+)$') or 0
  newChats = newChats .. part.owner .. ' ' .. chat.chat .. ' ' .. id .. ' ' .. checkSum(id, epoch, number, 1, #newRecords - #record)
    .. ' ' .. range .. '\n'
  redis.call('RPUSH', pendingKey, range .. ' ' .. newBatch)
  local key = keyOf(batch, record)
  if key then
    renumberKey(chat.token, key, batch.keepMs, before, number)
    newKeepMs = batch.keepMs
  end
  -- It waits since its first batch was accepted.
  newScore = math.min(newScore, tonumber(redis.call('ZSCORE', KEYS[1], batch.id) or clock))
  completed = completed - 1
  return number
end

-- Before the moves, because a message that is repeated may move.
for _, batch in ipairs(batches) do
  for _, each in ipairs(batch.repetitions) do
    local part, position = partOf(batch, each.record)
    local key = part and keyOf(batch, readRecord(batch.id, part, position) or '')
    if key then renumberKey(part.chat.token, key, batch.keepMs, part.first + position, each.number, each.time) end
  end
end

for _, batch in ipairs(batches) do
  for _, each in ipairs(batch.moves) do
    local part, position = partOf(batch, each.record)
    answer[#answer + 1] = part and move(batch, part, position, each.id, each.last) or false
  end
end

-- Batches are completed almost in their order, so their ranges are near the front. Removing them one by one would compare
-- each with all that are before it. unpack is limited to some thousand values.
local most = 1000
-- A range ends with the id of its batch, and all ids have one length. A pattern would look at all lengths of records before it.
local function batchOf(range) return string.sub(range, -#newBatch) end
local function removeRanges(pendingKey, count)
  local kept, read, size = {}, 0, count
  while count > 0 do
    local found = redis.call('LRANGE', pendingKey, read, read + size - 1)
    for _, range in ipairs(found) do
      if isGiven[batchOf(range)] then count = count - 1 else kept[#kept + 1] = range end
    end
    read = read + #found
    if #found < size then break end
    size = math.min(2 * size, most)
  end
  -- One is missing, so a bit has flipped in it or in its batch. Nothing else would remove it.
  if count > 0 then
    for index = #kept, 1, -1 do
      local batch = batchOf(kept[index])
      if batch ~= newBatch and not redis.call('ZSCORE', KEYS[1], batch) then table.remove(kept, index) end
    end
  end
  redis.call('LTRIM', pendingKey, read, -1)
  for last = #kept, 1, -most do
    local backwards = {}
    for index = last, math.max(1, last - most + 1), -1 do backwards[#backwards + 1] = kept[index] end
    redis.call('LPUSH', pendingKey, unpack(backwards))
  end
end

local erasedKey = prefix .. 'erased'
local anyErased = redis.call('EXISTS', erasedKey) == 1

for _, chat in ipairs(chats) do
  local reference = chat.reference
  local pendingKey = prefix .. 'pending:' .. reference
  removeRanges(pendingKey, chat.count)
  if anyErased and (redis.call('ZSCORE', erasedKey, chat.token) or redis.call('ZSCORE', erasedKey, reference)) then
    -- Its batch may have been stored before the chat was deleted.
    redis.call('UNLINK', prefix .. 'head:' .. reference)
  elseif redis.call('EXISTS', pendingKey) == 0 then
    -- An idle head expires. A head with pending messages does not.
    redis.call('EXPIRE', prefix .. 'head:' .. reference, keepHead)
  end
end

for _, batch in ipairs(batches) do
  local batchKey = prefix .. 'batch:' .. batch.id
  if batch.open then
    redis.call('UNLINK', batchKey)
    -- Renumbered messages have no results. Their batch must not look lost to another worker that has it.
    redis.call('HSET', batchKey, 'results', batch.results or '')
    redis.call('EXPIRE', batchKey, keepResults)
  end
  -- They may be left over from a batch that was evicted.
  redis.call('UNLINK', prefix .. 'records:' .. batch.id)
  redis.call('ZREM', KEYS[1], batch.id)
end

if newChats ~= '' then
  local batchKey = prefix .. 'batch:' .. newBatch
  redis.call('HSET', batchKey, 'chats', newChats)
  if newKeepMs then redis.call('HSET', batchKey, 'keepMs', newKeepMs) end
  redis.call('SET', prefix .. 'records:' .. newBatch, newRecords)
  redis.call('ZADD', KEYS[1], string.format('%d', newScore), newBatch)
end
if completed > 0 then
  redis.call('DECRBY', prefix .. 'pending', completed)
  redis.call('INCRBY', prefix .. 'stored', completed)
end
-- Lines of an index that could not be read were counted when they were accepted, and are not counted here.
if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('SET', prefix .. 'pending', 0, 'XX') end
table.insert(answer, 1, completed)
table.insert(answer, 2, missing)
return answer
