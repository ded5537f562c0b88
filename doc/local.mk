# The manual.  trys3.conf.5 is held against the option table by
# tests/unit/test_manual.c.

dist_man_MANS = \
	doc/trys3.1 \
	doc/trys3.conf.5 \
	doc/trys3d.8
dist_doc_DATA = \
	doc/design.md \
	doc/handoff.md \
	doc/offload.md

# A page for each place to run.
placesdir = $(docdir)/places
dist_places_DATA = \
	doc/places/README.md \
	doc/places/b2.md \
	doc/places/ceph.md \
	doc/places/ec2.md \
	doc/places/ecs.md \
	doc/places/eks.md \
	doc/places/gcs.md \
	doc/places/keys.md \
	doc/places/minio.md \
	doc/places/r2.md \
	doc/places/wasabi.md
