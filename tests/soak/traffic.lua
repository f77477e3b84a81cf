-- The traffic of the soak test, for wrk with one connection per thread, so that each response is
-- compared with the request before it. `done` prints the counts of all threads.

local APP = "https://app.example.com"
local PUT = "Access-Control-Request-Method"
local NAMES = "Access-Control-Request-Headers"
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

-- A case is a method, headers, and what the answer must be: "open" (no CORS request), an origin
-- that is allowed, nil for a refused one, or "either" while policies are replaced.
local function mutated()
  local at = math.random(1, #APP)
  local byte = string.char(math.random(33, 126))
  if APP:sub(at, at) == byte then
    return APP .. "."
  end
  return APP:sub(1, at - 1) .. byte .. APP:sub(at + 1)
end

local cases = {
  function() return "GET", {}, "open" end,
  function() return "GET", { Origin = APP }, APP end,
  function()
    local origin = "https://pr-" .. math.random(1, 10 ^ 9) .. ".preview.example.com"
    return "GET", { Origin = origin }, origin
  end,
  function() return "GET", { Origin = APP .. ".attacker" .. math.random(1, 10 ^ 6) .. ".net" } end,
  function() return "GET", { Origin = mutated() } end,
  function() return "GET", { Origin = "null" } end,
  function() return "GET", { Origin = APP .. string.rep("/", 4000) } end,
  function() return "GET", { Origin = "https://sometimes.example.com" }, "either" end,
  function() return "OPTIONS", { Origin = APP, [PUT] = "PUT", [NAMES] = "x-token" }, APP end,
  function() return "OPTIONS", { Origin = APP, [PUT] = "PUT", [NAMES] = "x-other" }, APP end,
  function() return "OPTIONS", { Origin = mutated(), [PUT] = "PUT" } end,
  function() return "OPTIONS", { Origin = APP, [PUT] = "PUT", [NAMES] = string.rep(",", 4000) } end,
}

function init()
  math.randomseed(number + 1)
  checked, wrong, example = 0, 0, ""
  waiting, is_mixed = false, false
end

-- If a connection is lost after the headers of a response, wrk adds the headers of the next one to
-- them. Such a mixture is not checked.
function request()
  is_mixed = waiting
  waiting = true
  method, given, expected = cases[math.random(#cases)]()
  return wrk.format(method, "/", given)
end

local function is_right(status, headers, body)
  local found = {}
  for name, value in pairs(headers) do
    found[name:lower()] = value
  end
  local origin, credentials = found["access-control-allow-origin"],
    found["access-control-allow-credentials"]
  local allowed = expected
  if expected == "open" then
    allowed = nil
  elseif expected == "either" then
    allowed = origin and given.Origin
  end
  if origin ~= allowed or (credentials == "true") ~= (allowed ~= nil) then
    return false
  end
  if not (found["vary"] or ""):find("Origin", 1, true) then
    return false
  end
  if method == "GET" then
    local exposed = found["access-control-expose-headers"]
    return status == 200 and body == "hello" and (exposed ~= nil) == (allowed ~= nil)
      and found["vary"]:find("Accept", 1, true) ~= nil
  end
  if not allowed then
    return status == 403 and found["access-control-allow-methods"] == nil
  end
  local age = found["access-control-max-age"]
  return status >= 200 and status < 300 and (age == "60" or age == "600")
    and (found["access-control-allow-methods"] or ""):find("PUT", 1, true) ~= nil
    and (found["access-control-allow-headers"] or ""):find("^X%-Token, Accept, ") ~= nil
end

function response(status, headers, body)
  waiting = false
  if is_mixed then
    return
  end
  checked = checked + 1
  if not is_right(status, headers, body) then
    wrong = wrong + 1
    example = method .. " " .. tostring(given.Origin):sub(1, 80) .. " -> " .. status
    for name, value in pairs(headers) do
      example = example .. "; " .. name .. ": " .. value
    end
  end
end

function done(summary, _, _)
  local total, bad, first = 0, 0, ""
  for _, thread in ipairs(threads) do
    total, bad = total + thread:get("checked"), bad + thread:get("wrong")
    first = thread:get("example") ~= "" and thread:get("example") or first
  end
  local errors = summary.errors
  print(string.format("soak %d %d %d %s", total, bad,
    errors.connect + errors.read + errors.write + errors.timeout, first))
end
