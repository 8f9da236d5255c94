-- Accepts a batch of messages: the only place where message numbers are given out.
--
-- KEYS[1]  batch:<id>
-- ARGV     prefix, batch id, time (ms), most pending messages (0: any), messages a second and burst of an application
--          (0: any), seconds that idempotency keys are kept, number of groups; then for each group (a chat):
--          token, chat number, learned chat id, learned last number, incarnation it was learned under ('' '' '': nothing
--          learned), number of items; then for each item: idempotency key ('': none), hash of the request, record.
-- Returns  JSON: {incarnation, pending, limits: [[remaining, reset ms, wait ms], one a group],
--          results: [number | {number, at} | "conflict" | "unknown" | "overloaded" | "limited", one an item]}

-- A batch that was sent again after a reconnect is answered as it was the first time.
local known = redis.call('HGET', KEYS[1], 'reply')
if known then return known end

local prefix, batch, now = ARGV[1], ARGV[2], ARGV[3]
local mostPending, rate, burst, keep = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]

-- A head is trusted only under the incarnation of Redis that it was checked against. The replication id changes with every
-- restart and failover (unlike run_id, which a demoted and re-promoted master keeps), the generation with every FLUSHALL.
local generation = redis.call('GET', prefix .. 'generation')
if not generation then
  generation = batch
  redis.call('SET', prefix .. 'generation', generation)
end
local incarnation = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') .. '/' .. generation

local pending = tonumber(redis.call('GET', prefix .. 'pending') or 0)
local accepted, chats, results, limits = 0, {}, {}, {}

-- Generic cell rate algorithm: `tat` is when the bucket would be full again, in ms. Redis' own clock.
local interval, capacity, clock
if rate > 0 then
  local time = redis.call('TIME')
  clock = time[1] * 1000 + time[2] / 1000
  interval = 1000 / rate
  capacity = burst * interval
end

local at = 9
for _ = 1, tonumber(ARGV[8]) do
  local token, chat = ARGV[at], ARGV[at + 1]
  local learnedId, learnedLast, learnedUnder = ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local items = tonumber(ARGV[at + 5])
  at = at + 6

  local headKey = prefix .. 'head:' .. token .. ':' .. chat
  local head = redis.call('HMGET', headKey, 'id', 'last', 'incarnation')
  local id, last = head[1], tonumber(head[2] or 0)
  local trusted = id and head[3] == incarnation
  if learnedUnder == incarnation then
    id = learnedId
    last = math.max(last, tonumber(learnedLast))
    if not head[2] then
      for _, number in ipairs(redis.call('HKEYS', prefix .. 'pending:' .. id)) do last = math.max(last, tonumber(number)) end
    end
    trusted = true
  end

  local quotaKey = prefix .. 'quota:' .. token
  local tat = rate > 0 and math.max(clock, tonumber(redis.call('GET', quotaKey) or 0))
  local first, fields, charged = last + 1, {}, false

  for _ = 1, items do
    local key, hash, record = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    at = at + 3
    local result
    local seen = key ~= '' and redis.call('GET', prefix .. 'idem:' .. token .. ':' .. key)
    if seen then
      local number, time, before = string.match(seen, '^(%d+) (%d+) (.+)$')
      result = before == hash and { number = tonumber(number), at = tonumber(time) } or 'conflict'
    elseif not trusted then
      result = 'unknown'
    elseif mostPending > 0 and pending + accepted >= mostPending then
      result = 'overloaded'
    elseif tat and tat + interval - clock > capacity + 0.001 then
      result = 'limited'
    else
      if tat then
        tat = tat + interval
        charged = true
      end
      last = last + 1
      accepted = accepted + 1
      fields[#fields + 1] = last
      fields[#fields + 1] = record
      if key ~= '' then
        redis.call('SET', prefix .. 'idem:' .. token .. ':' .. key, last .. ' ' .. now .. ' ' .. hash, 'EX', keep)
      end
      result = last
    end
    results[#results + 1] = result
  end

  if #fields > 0 then
    redis.call('HSET', prefix .. 'pending:' .. id, unpack(fields))
    chats[#chats + 1] = { token, tonumber(chat), id, first, last - first + 1 }
  end
  if trusted then redis.call('HSET', headKey, 'id', id, 'last', last, 'incarnation', incarnation) end
  if tat then
    if charged then redis.call('SET', quotaKey, string.format('%.3f', tat), 'PX', math.ceil(tat - clock)) end
    local room = capacity - (tat - clock)
    limits[#limits + 1] = { math.floor(room / interval + 0.001), math.ceil(tat - clock), math.max(0, math.ceil(interval - room)) }
  end
end

local reply = cjson.encode({
  incarnation = incarnation,
  pending = pending + accepted,
  limits = #limits > 0 and limits or nil,
  results = results,
})
-- Where nothing was accepted, the same batch again is as good as a new one.
if accepted > 0 then
  redis.call('INCRBY', prefix .. 'pending', accepted)
  redis.call('HSET', KEYS[1], 'chats', cjson.encode(chats), 'reply', reply)
  redis.call('ZADD', prefix .. 'batches', now, batch)
end
return reply
