# What trys3 is measured against; nothing is built, installed or tested here.

EXTRA_DIST += \
	bench/README.md \
	bench/offload
