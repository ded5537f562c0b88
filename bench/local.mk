# What trys3 is measured against; nothing is built, installed or tested here,
# but by "make bench/rate bench/parts" what bench/run asks with, and compares.

EXTRA_PROGRAMS += bench/rate bench/parts
bench_rate_SOURCES = bench/rate.c
bench_rate_LDADD =
bench_parts_SOURCES = bench/parts.c
bench_parts_LDADD = $(FCGI_LIBS) $(CURL_LIBS)
CLEANFILES += bench/rate bench/parts

EXTRA_DIST += \
	bench/README.md \
	bench/cases/clients.py \
	bench/cases/delay.py \
	bench/cases/large.py \
	bench/cases/mib.py \
	bench/cases/objects.py \
	bench/cases/rgw.py \
	bench/cases/servers.py \
	bench/cases/small.py \
	bench/cases/start.py \
	bench/cases/store.py \
	bench/cases/workers.py \
	bench/contenders/memcached.py \
	bench/contenders/parts.py \
	bench/contenders/proxy-cache.conf \
	bench/contenders/proxy-keepalive.conf \
	bench/contenders/proxy.conf \
	bench/contenders/rclone.py \
	bench/contenders/s3fs.py \
	bench/contenders/static.conf \
	bench/contenders/trys3d-handoff.py \
	bench/contenders/trys3d-memcached.py \
	bench/contenders/trys3d-nginx-cache.py \
	bench/contenders/trys3d-store.py \
	bench/contenders/trys3d.py \
	bench/lab/contenders.py \
	bench/lab/goals.py \
	bench/lab/load.py \
	bench/lab/needs.py \
	bench/lab/origin.py \
	bench/lab/plot.py \
	bench/lab/results.py \
	bench/lab/scaling.py \
	bench/lab/stand.py \
	bench/lab/stillness.py \
	bench/lab/table.py \
	bench/lab/throughput.py \
	bench/lab/turns.py \
	bench/lab/usage.py \
	bench/lab/wrk.lua \
	bench/offload \
	bench/results/hit.svg \
	bench/results/miss.svg \
	bench/results/results.json \
	bench/results/table.md \
	bench/run
