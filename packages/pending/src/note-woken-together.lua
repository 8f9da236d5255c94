-- Notes that one job stands for several batches. A batch that no longer exists gets no note, which nothing would remove.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     key prefix, the id of the batch after which the job is named, ids of the other batches…

for at = 3, #ARGV do
  local batch = ARGV[1] .. 'batch:' .. ARGV[at]
  if redis.call('EXISTS', batch) == 1 then redis.call('HSET', batch, 'wokenWith', ARGV[2]) end
end
