-- Accepts a batch of messages. New messages get their numbers here and nowhere else.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, batch id, time (ms), maximum number of pending messages (0: no limit), messages per second and burst per
--          application (0: no limit), seconds for which idempotency keys are kept, maximum number of new idempotency keys
--          per application in half of that time (0: no limit), the records of all items one after another; then for each
--          group (a chat): token, chat number, '' or its loaded head (chat id, last number, incarnation under which it was
--          loaded, ordinal of that incarnation, epoch of the application), and of each item: the number that it replies to (0: none; '': no item does), digest of the idempotency
--          key and hash of the request (- -: none; '': no item has a key), length of the record in bytes. What is in one
--          argument is separated by spaces, and the lengths by commas.
-- Returns  JSON: {incarnation, pending, limits: [[remaining, reset ms, wait ms], one per group], keysMs,
--          results: [number | {number, at} | "conflict" | "unknown" | "overloaded" | "limited" | "keys" | "reply", one per item]}

local prefix, batch, now = ARGV[1], ARGV[2], ARGV[3]
local maxPending, rate, burst = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local keepMs, maxKeys = tonumber(ARGV[7]) * 1000, tonumber(ARGV[8])
local batchKey = prefix .. 'batch:' .. batch

-- A head is trusted only under the incarnation of Redis under which it was checked. The replication id changes with
-- every restart and failover (unlike run_id, which a demoted and re-promoted master keeps). The generation changes with
-- every FLUSHALL.
local generation = redis.call('GET', prefix .. 'generation')
if not generation then
  generation = batch
  redis.call('SET', prefix .. 'generation', generation)
end
local incarnation = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') .. '/' .. generation

local pending = tonumber(redis.call('GET', prefix .. 'pending') or 0)
local time = redis.call('TIME')
local clock = time[1] * 1000 + time[2] / 1000
local accepted, keyed, results, limits = 0, false, {}, {}
-- A line per chat: token and epoch ('': those of the line before), chat number, chat id, and where its records are.
local index, indexed = {}, nil
-- A line per chat of which MySQL does not know yet that this incarnation assigns its numbers: which line of the index it is, the
-- ordinal of the incarnation, and the first number that it assigned.
local numberings = {}
-- All items' records, where the next one begins, and those of the accepted messages before the last refused item.
local records, at, kept, keptTo = ARGV[9], 1, {}, 0
-- The length of all accepted messages' records.
local offset = 0

-- Generic cell rate algorithm: `tat` is the time in ms at which the bucket is full again. Redis' own clock may step
-- back, so `tat` is limited to what an empty bucket has.
local interval, capacity
if rate > 0 then
  interval = 1000 / rate
  capacity = burst * interval
end

-- Idempotency keys are grouped in hashes, one set of hashes per half a lifetime, so that whole hashes expire. A key is
-- found for 1 to 1.5 lifetimes. An application has 4,096 hashes, so that each is small enough for Redis' compact
-- encoding. A hash maps the key's digest to the number and time in binary, followed by the hash of the request.
local keyFormat = '>I4I6'
local half = keepMs / 2
local window = math.floor(clock / half)
local function keysAt(token, digest, back)
  return prefix .. 'idem:' .. token .. ':' .. string.format('%d', window - back) .. ':' .. string.sub(digest, 1, 2)
end

local function replyWith(results, limits)
  local others = cjson.encode({
    incarnation = incarnation,
    pending = pending,
    limits = limits,
    keysMs = math.ceil((window + 1) * half - clock),
  })
  return string.sub(others, 1, -2) .. ',"results":' .. results .. '}'
end

-- A batch that is sent again after a reconnect gets the same results as the first time.
local known = redis.call('HGET', batchKey, 'results')
if known then return replyWith(known) end

-- A deleted chat is unknown, even if its head or an idempotency key still exists, or a process loaded its head before the
-- deletion. Members are the tokens of deleted applications, and the references of deleted chats.
local erasedKey = prefix .. 'erased'
local anyErased = redis.call('EXISTS', erasedKey) == 1

-- A request to erase a sender begins a new epoch of its application. A message carries the epoch in which it was accepted, so that
-- what is older than the request is known without a clock. An application that erased no sender has no epoch.
local epochsKey = prefix .. 'epochs'
local anyEpochs = redis.call('EXISTS', epochsKey) == 1

-- One command reads the heads of all groups and one writes them. unpack is limited to some thousand values; a batch has
-- at most 500 messages.
local headKeys, newHeads, none = {}, {}, {}
for group = 10, #ARGV, 6 do headKeys[#headKeys + 1] = prefix .. 'head:' .. ARGV[group] .. ':' .. ARGV[group + 1] end
local heads = redis.call('MGET', unpack(headKeys))

for nth, headKey in ipairs(headKeys) do
  local group = 4 + 6 * nth
  local token, chat = ARGV[group], ARGV[group + 1]
  local loadedId, loadedLast, loadedUnder, loadedNumbering, loadedEpoch
  if ARGV[group + 2] ~= '' then
    loadedId, loadedLast, loadedUnder, loadedNumbering, loadedEpoch =
      string.match(ARGV[group + 2], '^(%d+) (%d+) (%S+) (%d+) (%d+)$')
  end
  local epoch = anyEpochs and tonumber(redis.call('HGET', epochsKey, token)) or 0
  local replies, digests, hashes = none, none, none
  if ARGV[group + 3] ~= '' then
    replies = {}
    for number in string.gmatch(ARGV[group + 3], '%d+') do replies[#replies + 1] = tonumber(number) end
  end
  if ARGV[group + 4] ~= '' then
    digests, hashes = {}, {}
    for digest, hash in string.gmatch(ARGV[group + 4], '(%S+) (%S+)') do
      digests[#digests + 1], hashes[#hashes + 1] = digest ~= '-' and digest, hash
    end
  end

  local reference = token .. ':' .. chat
  local pendingKey = prefix .. 'pending:' .. reference
  -- The chat's id, its last number, and unless the head is distrusted: the incarnation, its ordinal, the first number that it
  -- assigned in this chat, and a + until a worker has stored these two.
  local id, last, under, numbering, since, unstored =
    string.match(heads[nth] or '', '^(%d+) (%d+) ?(%S*) ?(%d*) ?(%d*)(%+?)$')
  last = tonumber(last or 0)
  local current = under == incarnation
  local trusted = current
  if not trusted and loadedUnder == incarnation then
    id = loadedId
    last = math.max(last, tonumber(loadedLast))
    -- The head may be lost, or older than the pending messages.
    local newest = redis.call('LINDEX', pendingKey, -1)
    if newest then
      local first, count = string.match(newest, '^(%d+) (%d+) ')
      last = math.max(last, first + count - 1)
    end
    numbering, since, unstored = loadedNumbering, string.format('%d', last + 1), '+'
    -- A Redis that lost data has lost the epoch, too. Whatever it trusts again was loaded, and with it the epoch.
    if tonumber(loadedEpoch) > epoch then
      epoch, anyEpochs = tonumber(loadedEpoch), true
      redis.call('HSET', epochsKey, token, loadedEpoch)
    end
    trusted = true
  end
  local erased = anyErased and (redis.call('ZSCORE', erasedKey, token) or redis.call('ZSCORE', erasedKey, reference))
  if erased then trusted = false end

  local quotaKey = rate > 0 and prefix .. 'quota:' .. token
  local tat = rate > 0 and math.min(math.max(clock, tonumber(redis.call('GET', quotaKey) or 0)), clock + capacity)
  local keysKey = digests[1] ~= nil and prefix .. 'keys:' .. token .. ':' .. string.format('%d', window)
  local keys, newKeys = false, 0
  local first, start, lengths, charged = last + 1, offset, {}, false
  local item = 0

  for length in string.gmatch(ARGV[group + 5], '%d+') do
    item = item + 1
    local bytes = tonumber(length)
    local digest, hash = digests[item], hashes[item]
    local result, seen
    if digest and not erased then
      for back = 0, 2 do
        seen = redis.call('HGET', keysAt(token, digest, back), digest)
        if seen then break end
      end
      if maxKeys > 0 and not keys then keys = tonumber(redis.call('GET', keysKey) or 0) end
    end
    if seen then
      local number, when, rest = struct.unpack(keyFormat, seen)
      result = string.sub(seen, rest) == hash and { number = number, at = when } or 'conflict'
    elseif not trusted then
      result = 'unknown'
    elseif (replies[item] or 0) > last then
      -- Numbers are gapless, so this is the whole check. A message may reply to one of the same batch.
      result = 'reply'
    elseif maxPending > 0 and pending + accepted >= maxPending then
      result = 'overloaded'
    elseif tat and tat + interval - clock > capacity + 0.001 then
      result = 'limited'
    elseif digest and keys and keys + newKeys >= maxKeys then
      result = 'keys'
    else
      if tat then
        tat = tat + interval
        charged = true
      end
      last = last + 1
      accepted = accepted + 1
      offset = offset + bytes
      lengths[#lengths + 1] = length
      if digest then
        local hashKey = keysAt(token, digest, 0)
        redis.call('HSET', hashKey, digest, struct.pack(keyFormat, last, now) .. hash)
        redis.call('PEXPIREAT', hashKey, string.format('%d', (window + 3) * half))
        newKeys, keyed = newKeys + 1, true
      end
      result = last
    end
    results[#results + 1] = result
    if type(result) ~= 'number' then
      kept[#kept + 1] = string.sub(records, keptTo + 1, at - 1)
      keptTo = at + bytes - 1
    end
    at = at + bytes
  end

  if last >= first then
    -- The first number, how many there are, the first record's offset, and the records' lengths in bytes.
    local range = string.format('%d %d %d %s', first, #lengths, start, #lengths == item and ARGV[group + 5] or table.concat(lengths, ','))
    local owner = epoch == 0 and token or token .. '/' .. epoch
    index[#index + 1] = (owner == indexed and '' or owner) .. ' ' .. chat .. ' ' .. id .. ' ' .. range .. '\n'
    indexed = owner
    if unstored ~= '' then numberings[#numberings + 1] = #index .. ' ' .. numbering .. ' ' .. since .. '\n' end
    redis.call('RPUSH', pendingKey, range .. ' ' .. batch)
  end
  if last >= first or trusted and not current then
    newHeads[#newHeads + 1], newHeads[#newHeads + 2] = headKey,
      string.format('%s %d %s %s %s%s', id, last, incarnation, numbering, since, unstored)
  end
  if newKeys > 0 and maxKeys > 0 then
    redis.call('INCRBY', keysKey, newKeys)
    redis.call('PEXPIREAT', keysKey, string.format('%d', (window + 1) * half))
  end
  if tat then
    if charged then redis.call('SET', quotaKey, string.format('%.3f', tat), 'PX', math.ceil(tat - clock)) end
    local room = capacity - (tat - clock)
    limits[#limits + 1] = { math.floor(room / interval + 0.001), math.ceil(tat - clock), math.max(0, math.ceil(interval - room)) }
  end
end

-- This also removes the time to live, because a head must not expire while messages are pending.
if #newHeads > 0 then redis.call('MSET', unpack(newHeads)) end

results = cjson.encode(results)
-- If nothing was accepted, a resend may be treated as a new batch.
if accepted > 0 then
  pending = redis.call('INCRBY', prefix .. 'pending', accepted)
  if keptTo > 0 then records = table.concat(kept) .. string.sub(records, keptTo + 1) end
  local chats = table.concat(index)
  redis.call('HSET', batchKey, 'chats', chats, 'results', results)
  if keyed then redis.call('HSET', batchKey, 'keepMs', keepMs) end
  -- Every batch has them until one that has them is stored: if a batch is lost, a later one still says it.
  if #numberings > 0 then redis.call('HSET', batchKey, 'numberings', table.concat(numberings)) end
  -- Not a field of the hash, of which a reader of one message would have to get everything.
  redis.call('SET', prefix .. 'records:' .. batch, records)
  -- By Redis' clock, because the clocks of the processes differ.
  redis.call('ZADD', KEYS[1], string.format('%d', clock), batch)
  -- Wakes live streams. Subscribers get it after the fsync of this script's writes, as the caller gets the reply. A user
  -- without rights on the channel is refused, which must not look as if nothing was accepted.
  redis.pcall('SPUBLISH', prefix .. 'live', chats)
end
return replyWith(results, #limits > 0 and limits or nil)
