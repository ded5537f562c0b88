# The daemon and the command line, in three libraries so that each of them and
# the tests can link what they need: core knows nothing of FastCGI or of
# processes, offload nothing of the daemon.

noinst_LIBRARIES += src/libcore.a src/libdaemon.a src/liboffload.a

src_libcore_a_SOURCES = \
	src/base/access.c src/base/access.h \
	src/base/attr.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/descriptors.c src/base/descriptors.h \
	src/base/fd.c src/base/fd.h \
	src/base/env.c src/base/env.h \
	src/base/ini.c src/base/ini.h \
	src/base/log.c src/base/log.h \
	src/base/mem.c src/base/mem.h \
	src/base/parse.c src/base/parse.h \
	src/base/peer.c src/base/peer.h \
	src/base/secret.c src/base/secret.h \
	src/base/stamp.c src/base/stamp.h \
	src/base/user.c src/base/user.h \
	src/base/xml.c src/base/xml.h \
	src/s3/backoff.c src/s3/backoff.h \
	src/s3/call.c src/s3/call.h \
	src/s3/channel.c src/s3/channel.h \
	src/s3/delivery.c src/s3/delivery.h \
	src/s3/endpoint.c src/s3/endpoint.h \
	src/s3/error.c src/s3/error.h \
	src/s3/etag.c src/s3/etag.h \
	src/s3/fetch.c src/s3/fetch.h \
	src/s3/handoff.c src/s3/handoff.h \
	src/s3/http.c src/s3/http.h \
	src/s3/keyring.c src/s3/keyring.h \
	src/s3/learnt.c src/s3/learnt.h \
	src/s3/lines.c src/s3/lines.h \
	src/s3/libcurl.c src/s3/libcurl.h \
	src/s3/metadata.c src/s3/metadata.h \
	src/s3/mtime.c src/s3/mtime.h \
	src/s3/object.c src/s3/object.h \
	src/s3/range.c src/s3/range.h \
	src/s3/rehearsal.c src/s3/rehearsal.h \
	src/s3/reply.c src/s3/reply.h \
	src/s3/signed.c src/s3/signed.h \
	src/s3/signing.c src/s3/signing.h \
	src/s3/sigv4.c src/s3/sigv4.h \
	src/s3/site.c src/s3/site.h \
	src/s3/sockets.c src/s3/sockets.h \
	src/s3/transfer.c src/s3/transfer.h \
	src/s3/trust.c src/s3/trust.h \
	src/s3/uri.c src/s3/uri.h \
	src/s3/verdict.c src/s3/verdict.h \
	src/cache/cache.c src/cache/cache.h \
	src/cache/entry.c src/cache/entry.h \
	src/cache/memcached.c src/cache/memcached.h \
	src/cache/handle.c src/cache/handle.h \
	src/cache/servers.c src/cache/servers.h \
	src/credentials/address.c src/credentials/address.h \
	src/credentials/ask.c src/credentials/ask.h \
	src/credentials/chain.c src/credentials/chain.h \
	src/credentials/command_line.c src/credentials/command_line.h \
	src/credentials/config_file.c \
	src/credentials/container.c \
	src/credentials/credentials_file.c \
	src/credentials/document.c src/credentials/document.h \
	src/credentials/environment.c \
	src/credentials/exchange.c src/credentials/exchange.h \
	src/credentials/file_keys.c src/credentials/file_keys.h \
	src/credentials/instance.c \
	src/credentials/machine.c src/credentials/machine.h \
	src/credentials/process.c \
	src/credentials/profiles.c src/credentials/profiles.h \
	src/credentials/renewal.c src/credentials/renewal.h \
	src/credentials/role.c \
	src/credentials/run.c src/credentials/run.h \
	src/credentials/search.c src/credentials/search.h \
	src/credentials/shared_file.c src/credentials/shared_file.h \
	src/credentials/sign_in.c \
	src/credentials/site.c \
	src/credentials/sts.c src/credentials/sts.h \
	src/credentials/sts_answer.c src/credentials/sts_answer.h \
	src/credentials/watch.c src/credentials/watch.h \
	src/credentials/web_identity.c src/credentials/web_identity.h \
	src/config/config.c src/config/config.h \
	src/config/offload.c src/config/offload.h \
	src/config/own.c src/config/own.h \
	src/config/read.c src/config/read.h \
	src/config/role.c src/config/role.h \
	src/config/shared.c src/config/shared.h \
	src/config/settings.c src/config/settings.h \
	src/config/table.c src/config/table.h \
	src/config/value.c src/config/value.h \
	src/config/writer.c src/config/writer.h \
	src/pool/follow.c src/pool/follow.h \
	src/pool/keeper.c src/pool/keeper.h \
	src/pool/keeping.c src/pool/keeping.h

src_libdaemon_a_SOURCES = \
	src/respond/answer.c src/respond/answer.h \
	src/respond/exchange.h \
	src/respond/fcgi.c src/respond/fcgi.h \
	src/respond/gate.c src/respond/gate.h \
	src/respond/handoff.c src/respond/handoff.h \
	src/respond/likeness.c src/respond/likeness.h \
	src/respond/policy.c src/respond/policy.h \
	src/respond/receive.c src/respond/receive.h \
	src/respond/record.c src/respond/record.h \
	src/respond/request.c src/respond/request.h \
	src/respond/serving.c src/respond/serving.h \
	src/respond/writer.c src/respond/writer.h \
	src/pool/generation.c src/pool/generation.h \
	src/pool/identity.c src/pool/identity.h \
	src/pool/listen.c src/pool/listen.h \
	src/pool/master.c src/pool/master.h \
	src/pool/scoreboard.c src/pool/scoreboard.h \
	src/pool/succession.c src/pool/succession.h \
	src/pool/worker.c src/pool/worker.h

src_liboffload_a_SOURCES = \
	src/offload/arrival.c src/offload/arrival.h \
	src/offload/audit.c src/offload/audit.h \
	src/offload/commit.c src/offload/commit.h \
	src/offload/crew.c src/offload/crew.h \
	src/offload/digest.c src/offload/digest.h \
	src/offload/drive.c src/offload/drive.h \
	src/offload/file.c src/offload/file.h \
	src/offload/folder.c src/offload/folder.h \
	src/offload/journal.c src/offload/journal.h \
	src/offload/journal_line.c src/offload/journal_line.h \
	src/offload/jsonl.c src/offload/jsonl.h \
	src/offload/known.c src/offload/known.h \
	src/offload/latest.c src/offload/latest.h \
	src/offload/list.c src/offload/list.h \
	src/offload/look.c src/offload/look.h \
	src/offload/mapping.c src/offload/mapping.h \
	src/offload/mime.c src/offload/mime.h \
	src/offload/oldest.c src/offload/oldest.h \
	src/offload/options.c src/offload/options.h \
	src/offload/output.c src/offload/output.h \
	src/offload/parts.c src/offload/parts.h \
	src/offload/pattern.c src/offload/pattern.h \
	src/offload/place.c src/offload/place.h \
	src/offload/progress.c src/offload/progress.h \
	src/offload/prove.c src/offload/prove.h \
	src/offload/put.c src/offload/put.h \
	src/offload/relief.c src/offload/relief.h \
	src/offload/report.c src/offload/report.h \
	src/offload/restore.c src/offload/restore.h \
	src/offload/restore_path.c src/offload/restore_path.h \
	src/offload/roots.c src/offload/roots.h \
	src/offload/run.c src/offload/run.h \
	src/offload/running.c src/offload/running.h \
	src/offload/seen.c src/offload/seen.h \
	src/offload/selection.c src/offload/selection.h \
	src/offload/sending.c src/offload/sending.h \
	src/offload/session.c src/offload/session.h \
	src/offload/space.c src/offload/space.h \
	src/offload/stop.c src/offload/stop.h \
	src/offload/store.c src/offload/store.h \
	src/offload/text.c src/offload/text.h \
	src/offload/throttle.c src/offload/throttle.h \
	src/offload/trash.c src/offload/trash.h \
	src/offload/uploads.c src/offload/uploads.h \
	src/offload/walk.c src/offload/walk.h \
	src/offload/way.c src/offload/way.h

CORE_LIBS = src/libcore.a $(CURL_LIBS) $(OPENSSL_LIBS) $(MEMCACHED_LIBS) \
	$(INIH_LIBS) $(EXPAT_LIBS) $(JANSSON_LIBS)
OFFLOAD_LIBS = src/liboffload.a $(CORE_LIBS)
DAEMON_LIBS = src/libdaemon.a $(CORE_LIBS) $(FCGI_LIBS)

sbin_PROGRAMS += trys3d
trys3d_SOURCES = src/main.c
trys3d_LDADD = $(DAEMON_LIBS)

bin_PROGRAMS += trys3
trys3_SOURCES = src/offload/main.c
trys3_LDADD = $(OFFLOAD_LIBS)

EXTRA_DIST += src/LAYERS
