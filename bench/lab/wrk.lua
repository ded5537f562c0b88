-- wrk's part: GETs of a pattern's paths in turn, and what came of it as JSON.
--
--	wrk ... -s wrk.lua URL -- PATTERN FIRST COUNT THREADS

local started = 0

function setup(thread)
	thread:set("id", started)
	started = started + 1
end

local prefix, width, suffix, first, count, step, at, is_asking
local known = {}

function init(args)
	local digits

	prefix, digits, suffix = args[1]:match("^([^#]*)(#+)([^#]*)$")
	width = "%0" .. #digits .. "d"
	first, count, step = tonumber(args[2]), tonumber(args[3]),
	    tonumber(args[4])
	at = id
	-- wrk lets the first thread make one that it only looks at.
	is_asking = id > 0
end

function request()
	local number = first + at % count
	local text = known[number]

	if is_asking then
		at = at + step
	end
	is_asking = true
	if text == nil then
		text = wrk.format("GET",
		    prefix .. width:format(number) .. suffix)
		if count <= 10000 then
			known[number] = text
		end
	end
	return text
end

function done(summary, latency)
	local e = summary.errors

	print(('JSON {"requests": %d, "us": %d, "bytes": %d, "errors": %d, ' ..
	    '"refused": %d, "p50": %d, "p99": %d, "p999": %d, "max": %d}'):format(
	    summary.requests, summary.duration, summary.bytes,
	    e.connect + e.read + e.write + e.timeout, e.status,
	    latency:percentile(50), latency:percentile(99),
	    latency:percentile(99.9), latency.max))
end
