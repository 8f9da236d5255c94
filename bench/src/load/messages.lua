-- Requests for wrk, one connection after the other. Arguments: the path, and a file with one body per line.
local requests, at = {}, 0

function init(arguments)
  local headers = { ['Content-Type'] = 'application/json' }
  for body in io.lines(arguments[2]) do
    requests[#requests + 1] = wrk.format('POST', arguments[1], headers, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

-- Durations are in microseconds. A status of 400 or more counts as an error.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answered":%d,"microseconds":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
