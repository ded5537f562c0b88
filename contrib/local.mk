# What an operator copies from.

contribdir = $(pkgdatadir)/contrib
dist_contrib_DATA = \
	contrib/trys3.conf
