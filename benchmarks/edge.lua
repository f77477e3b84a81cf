-- wrk sends the requests of a file, which NUL characters separate, beginning at a given one.
local texts, number = {}
function init(arguments)
  local all = io.open(arguments[1], "rb"):read("*a")
  number = tonumber(arguments[2])
  for text in all:gmatch("[^%z]+") do texts[#texts + 1] = text end
end
function request() number = number % #texts + 1; return texts[number] end
function done(all)
  local e = all.errors
  print("figures", all.requests, all.duration, e.status, e.connect + e.read + e.write + e.timeout)
end
