-- Raises the head of a chat to a number that MySQL has. After a loss, MySQL can get messages that a worker had read before, above the
-- head. A reader who saw them has passed the numbers below, so Redis must not assign these any more.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, token, chat number, number

local headKey = ARGV[1] .. 'head:' .. ARGV[2] .. ':' .. ARGV[3]
local id, last, others = string.match(redis.call('GET', headKey) or '', '^(%d+) (%d+)(.*)$')
if id and tonumber(last) < tonumber(ARGV[4]) then
  redis.call('SET', headKey, id .. ' ' .. ARGV[4] .. others, 'KEEPTTL')
end
return false
