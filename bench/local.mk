# What trys3 is measured against; nothing is built, installed or tested here,
# but by "make bench/rate" what bench/run asks with.

EXTRA_PROGRAMS += bench/rate
bench_rate_SOURCES = bench/rate.c
bench_rate_LDADD =
CLEANFILES += bench/rate

EXTRA_DIST += \
	bench/README.md \
	bench/offload \
	bench/run
