#!/bin/sh
# Make ./configure and what it needs out of configure.ac and Makefile.am;
# run it once after a checkout and after a change of either.
set -e
cd "$(dirname "$0")"
exec autoreconf -fi "$@"
