# The manual.  trys3.conf.5 is held against the option table by
# tests/unit/test_manual.c.

dist_man_MANS = \
	doc/trys3.conf.5 \
	doc/trys3d.8
dist_doc_DATA = \
	doc/design.md
