#!/bin/sh
# Holds the sources to their limits: functions of at most 80 lines, files of at
# most 600, lines of at most 80 columns, no function that C is known to be
# misused with, nothing left undone.
set -eu
cd "${srcdir_abs:-$(dirname "$0")/../..}"
sources=$(find src -name '*.[ch]' | sort)
n=0 failed=0

verdict() { # NAME FINDINGS
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "$2" | sed 's/^/# /'
		echo "not ok $n - $1"
		failed=1
	fi
}

echo 1..5
verdict 'no function is over 80 lines' "$(awk '
FNR == 1 { depth = 0 }
/^{/ { start = FNR }
/^}/ && start { if (FNR - start > 80) print FILENAME ":" start ": " FNR - start " lines"; start = 0 }
' $sources)"
verdict 'no file is over 600 lines' "$(wc -l $sources |
	awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }')"
verdict 'no line is over 80 columns' "$(for f in $sources; do
	expand "$f" | awk -v f="$f" 'length($0) > 80 { print f ":" FNR }'
done)"
verdict 'no banned function is called' "$(grep -nE \
	'\b(strcpy|strcat|sprintf|vsprintf|strncpy|strtok|atoi|atol|gets|gmtime|localtime|ctime|asctime|alloca|signal|system|tmpnam|mktemp)[ ]?\(' \
	$sources | grep -v '^[^:]*:[0-9]*: \*' || :)"
verdict 'nothing is left undone' "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' \
	$sources || :)"
exit $failed
