#!/bin/sh
# Holds the documents to the tree: what a link names is there, and so is a link
# from the index to each page in doc/places/.
set -eu
cd "${srcdir_abs:-$(dirname "$0")/../..}"

echo 1..2
bad=0
for page in ./*.md bench/*.md contrib/*.md doc/*.md doc/places/*.md; do
	folder=$(dirname "$page")
	# Of "](target#part)" the target, where it is no URL.
	# shellcheck disable=SC2013 # No target of ours has a blank.
	for target in $(grep -o '](\([^)]*\))' "$page" |
	    sed 's/^](//; s/)$//; s/#.*//; /^[a-z]*:/d; s/^$/./'); do
		[ -e "$folder/$target" ] && continue
		echo "# $page: there is no $target" >&2
		bad=1
	done
done
[ "$bad" -eq 0 ] && echo "ok 1 - links lead to what is there" ||
	echo "not ok 1 - links lead to what is there"

bad=0
for page in doc/places/*.md; do
	name=$(basename "$page")
	grep -q "$page" doc/local.mk && { [ "$name" = README.md ] ||
	    grep -q "]($name)" doc/places/README.md; } && continue
	echo "# $page: not in doc/local.mk, or not in the index" >&2
	bad=1
done
[ "$bad" -eq 0 ] && echo "ok 2 - each page in doc/places is in the index" ||
	echo "not ok 2 - each page in doc/places is in the index"
