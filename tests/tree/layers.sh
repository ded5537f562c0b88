#!/bin/sh
# Holds the sources to src/LAYERS: every file is named there, includes only
# headers of its own line or of lines above it, and only one file includes the
# headers of an outside library.
set -eu
cd "${srcdir_abs:-$(dirname "$0")/../..}/src"

echo 1..1
# What was seen goes to standard error, the verdict to TAP.
if awk '
function complain(what) { print "# " what > "/dev/stderr"; bad = 1 }

# The order, from LAYERS itself.
FILENAME == "LAYERS" && /^outside/ { owner[$2] = $3; next }
FILENAME == "LAYERS" && /^[a-z]/ { rank[$1] = FNR; named[$1] = 1; next }
FILENAME == "LAYERS" { next }

FNR == 1 {
	self = FILENAME
	sub(/^\.\//, "", self)
	sub(/\.[ch]$/, "", self)
	if (!(self in rank))
		complain(FILENAME ": not in src/LAYERS")
	seen[self] = 1
}
/^#include "/ {
	split($0, part, "\"")
	other = part[2]
	sub(/\.h$/, "", other)
	if (!(other in rank))
		complain(FILENAME ":" FNR ": includes " part[2] ", which is not in src/LAYERS")
	else if (rank[other] > rank[self])
		complain(FILENAME ":" FNR ": includes " part[2] ", which is above it")
}
/^#include </ {
	split($0, part, /[<>]/)
	for (library in owner)
		if (index(part[2], library) == 1 && owner[library] != self)
			complain(FILENAME ":" FNR ": <" part[2] "> belongs to " owner[library])
}
END {
	for (file in named)
		if (!(file in seen))
			complain("src/LAYERS names " file ", which is not there")
	exit bad
}' LAYERS $(find . -name '*.[ch]' | sort)
then
	echo 'ok 1 - the sources keep the order of src/LAYERS'
else
	echo 'not ok 1 - the sources keep the order of src/LAYERS'
	exit 1
fi
