# The tests: units (cmocka), the tree's own rules (sh), the whole system over
# the real nginx, memcached and S3 servers (Python).  All of them speak TAP.

TEST_EXTENSIONS = .sh .py
tap_driver = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(tap_driver)
SH_LOG_DRIVER = $(tap_driver)
PY_LOG_DRIVER = $(tap_driver)
SH_LOG_COMPILER = $(SHELL)
PY_LOG_COMPILER = python3

# Where things are, and nothing of the user's own settings for AWS and TLS; nor
# is the machine asked on which the tests run, if it is one of EC2.
AM_TESTS_ENVIRONMENT = \
	for v in $$(env | sed -n 's/^\(AWS_[A-Z0-9_]*\|TRYS3_\(BUCKET\|LISTEN\|WORKERS\|MEMCACHED\)\|SSL_CERT_[A-Z]*\|[A-Za-z]*_[Pp][Rr][Oo][Xx][Yy]\)=.*/\1/p'); do unset $$v; done; \
	AWS_EC2_METADATA_DISABLED=true; export AWS_EC2_METADATA_DISABLED; \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; \
	srcdir_abs='$(abs_top_srcdir)'; export srcdir_abs; \
	TRYS3D="$${TRYS3D:-$(abs_top_builddir)/trys3d}"; export TRYS3D; \
	TRYS3="$${TRYS3:-$(abs_top_builddir)/trys3}"; export TRYS3; \
	TRYS3_NTH="$${TRYS3_NTH:-$(abs_top_builddir)/tests/system/nth}"; \
	export TRYS3_NTH; \
	TRYS3_COUNT="$${TRYS3_COUNT:-$(abs_top_builddir)/tests/system/count}"; \
	export TRYS3_COUNT;

# The rules that the tree itself keeps.
TREE_TESTS = tests/tree/documents.sh tests/tree/layers.sh tests/tree/limits.sh

# The system: slow, and with much to install.  Not to run them:
# make check SYSTEM_TESTS=
SYSTEM_TESTS = \
	tests/system/test_addresses.py \
	tests/system/test_answers.py \
	tests/system/test_bodies.py \
	tests/system/test_cache.py \
	tests/system/test_chain.py \
	tests/system/test_contrib.py \
	tests/system/test_counts.py \
	tests/system/test_crash.py \
	tests/system/test_credentials.py \
	tests/system/test_endings.py \
	tests/system/test_endpoints.py \
	tests/system/test_handoff.py \
	tests/system/test_faults.py \
	tests/system/test_keeper.py \
	tests/system/test_keys.py \
	tests/system/test_leaks.py \
	tests/system/test_likeness.py \
	tests/system/test_nginx.py \
	tests/system/test_nth.py \
	tests/system/test_offload.py \
	tests/system/test_pool.py \
	tests/system/test_renewal.py \
	tests/system/test_requests.py \
	tests/system/test_secrets.py \
	tests/system/test_sites.py \
	tests/system/test_stream.py

# trys3, killed, failed and raced at each step: thousands of runs, a few minutes.
# Each step of all of them, for hours: TRYS3_EXHAUSTIVE=1
EXHAUSTIVE_TESTS = \
	tests/system/test_offload_crash.py \
	tests/system/test_offload_faults.py \
	tests/system/test_offload_races.py

if HAVE_CMOCKA
UNIT_TESTS = \
	tests/unit/test_access \
	tests/unit/test_address \
	tests/unit/test_answer \
	tests/unit/test_arrival \
	tests/unit/test_ask \
	tests/unit/test_buf \
	tests/unit/test_cache \
	tests/unit/test_call \
	tests/unit/test_command_line \
	tests/unit/test_commit \
	tests/unit/test_config \
	tests/unit/test_container \
	tests/unit/test_credentials \
	tests/unit/test_credentials_files \
	tests/unit/test_crew \
	tests/unit/test_digest \
	tests/unit/test_document \
	tests/unit/test_entry \
	tests/unit/test_env \
	tests/unit/test_error \
	tests/unit/test_etag \
	tests/unit/test_fcgi \
	tests/unit/test_fetch \
	tests/unit/test_file \
	tests/unit/test_folder \
	tests/unit/test_gate \
	tests/unit/test_generation \
	tests/unit/test_handoff \
	tests/unit/test_http \
	tests/unit/test_http_source \
	tests/unit/test_ini \
	tests/unit/test_instance \
	tests/unit/test_journal \
	tests/unit/test_keeper \
	tests/unit/test_keeping \
	tests/unit/test_keyring \
	tests/unit/test_known \
	tests/unit/test_latest \
	tests/unit/test_learnt \
	tests/unit/test_leaving \
	tests/unit/test_likeness \
	tests/unit/test_list \
	tests/unit/test_listen \
	tests/unit/test_log \
	tests/unit/test_manual \
	tests/unit/test_mapping \
	tests/unit/test_mem \
	tests/unit/test_memcached \
	tests/unit/test_metadata \
	tests/unit/test_mime \
	tests/unit/test_mtime \
	tests/unit/test_object \
	tests/unit/test_offload_config \
	tests/unit/test_oldest \
	tests/unit/test_options \
	tests/unit/test_parse \
	tests/unit/test_pattern \
	tests/unit/test_policy \
	tests/unit/test_process \
	tests/unit/test_profiles \
	tests/unit/test_prove \
	tests/unit/test_put \
	tests/unit/test_range \
	tests/unit/test_rehearsal \
	tests/unit/test_renewal \
	tests/unit/test_reply \
	tests/unit/test_report \
	tests/unit/test_request \
	tests/unit/test_restore_path \
	tests/unit/test_role \
	tests/unit/test_roots \
	tests/unit/test_scoreboard \
	tests/unit/test_secrecy \
	tests/unit/test_secret \
	tests/unit/test_seen \
	tests/unit/test_selection \
	tests/unit/test_sigv4 \
	tests/unit/test_sigv4_vectors \
	tests/unit/test_site \
	tests/unit/test_space \
	tests/unit/test_stop \
	tests/unit/test_store \
	tests/unit/test_sts \
	tests/unit/test_throttle \
	tests/unit/test_trash \
	tests/unit/test_trust \
	tests/unit/test_uploads \
	tests/unit/test_uri \
	tests/unit/test_walk \
	tests/unit/test_watch \
	tests/unit/test_way \
	tests/unit/test_web_identity \
	tests/unit/test_writer \
	tests/unit/test_xml
check_PROGRAMS += $(UNIT_TESTS)
endif

TESTS += $(UNIT_TESTS) $(TREE_TESTS) $(SYSTEM_TESTS) $(EXHAUSTIVE_TESTS)
dist_check_SCRIPTS += $(TREE_TESTS) $(SYSTEM_TESTS) $(EXHAUSTIVE_TESTS)
EXTRA_DIST += \
	tests/system/canaries.py \
	tests/system/checks.py \
	tests/system/clients.py \
	tests/system/fastcgi.py \
	tests/system/harness.py \
	tests/system/issuer.py \
	tests/system/judge.py \
	tests/system/lanes.py \
	tests/system/liar.py \
	tests/system/meddler.py \
	tests/system/mover.py \
	tests/system/origin.py \
	tests/system/scene.py \
	tests/system/server.py \
	tests/system/ways.py \
	tests/unit/calls.h \
	tests/unit/config_file.h \
	tests/unit/fastcgi_peer.h \
	tests/unit/freed.h \
	tests/unit/http_origin.h \
	tests/unit/memcacheds.h \
	tests/unit/memcheck.h \
	tests/unit/mounts.h \
	tests/unit/scratch.h \
	tests/unit/shared_files.h \
	tests/valgrind.supp \
	tests/lab

# Kills and faults at the N-th system call.  It knows all their names.
check_PROGRAMS += tests/system/nth
tests_system_nth_SOURCES = tests/system/nth.c
tests_system_nth_LDADD =
tests/system/nth.$(OBJEXT): tests/system/nth_calls.h
tests/system/nth_calls.h:
	$(AM_V_at)$(MKDIR_P) tests/system
	$(AM_V_GEN)echo '#include <sys/syscall.h>' | $(CC) -E -dM - | \
	    sed -n 's/^#define SYS_\([a-z0-9_]*\) .*/{ "\1", SYS_\1 },/p' >$@
CLEANFILES += tests/system/nth_calls.h

# The pieces of a request whose instructions are counted.
check_PROGRAMS += tests/system/count
tests_system_count_SOURCES = tests/system/count.c

# The units of either program, each linked by what it uses.
LDADD = src/liboffload.a $(DAEMON_LIBS) $(CMOCKA_LIBS)

# Where a test plays the surroundings of what it tests: by the linker.
wrap_memory = -Wl,--wrap=malloc -Wl,--wrap=realloc -Wl,--wrap=free
wrap_call = -Wl,--wrap=call_body -Wl,--wrap=call_free -Wl,--wrap=call_header \
	-Wl,--wrap=call_make -Wl,--wrap=call_new -Wl,--wrap=call_reason
wrap_http = -Wl,--wrap=http_content_length -Wl,--wrap=http_each_header \
	-Wl,--wrap=http_free -Wl,--wrap=http_header -Wl,--wrap=http_is_framed \
	-Wl,--wrap=http_new -Wl,--wrap=http_perform -Wl,--wrap=http_reason \
	-Wl,--wrap=http_status
tests_unit_test_arrival_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync \
	-Wl,--wrap=linkat -Wl,--wrap=openat -Wl,--wrap=renameat2 \
	-Wl,--wrap=write
tests_unit_test_ask_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_wall_s
tests_unit_test_buf_LDFLAGS = $(AM_LDFLAGS) $(wrap_memory)
tests_unit_test_cache_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_monotonic_ms
tests_unit_test_call_LDFLAGS = $(AM_LDFLAGS) $(wrap_http) \
	-Wl,--wrap=clock_monotonic_ms -Wl,--wrap=clock_random \
	-Wl,--wrap=clock_wall_s -Wl,--wrap=peer_wait
tests_unit_test_commit_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=cache_purge \
	-Wl,--wrap=file_take_away -Wl,--wrap=journal_add \
	-Wl,--wrap=journal_sync -Wl,--wrap=known_add -Wl,--wrap=log_info \
	-Wl,--wrap=log_warning -Wl,--wrap=report_event \
	-Wl,--wrap=report_file_done -Wl,--wrap=trash_place
tests_unit_test_container_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ask \
	-Wl,--wrap=clock_wall_s -Wl,--wrap=watch_read_token
tests_unit_test_credentials_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=credentials_from_config_file \
	-Wl,--wrap=credentials_from_container \
	-Wl,--wrap=credentials_from_credentials_file \
	-Wl,--wrap=credentials_from_instance \
	-Wl,--wrap=credentials_from_process -Wl,--wrap=credentials_from_role \
	-Wl,--wrap=credentials_from_sign_in \
	-Wl,--wrap=credentials_from_web_identity -Wl,--wrap=sts_assume_role \
	-Wl,--wrap=sts_assume_role_with_web_identity
tests_unit_test_credentials_files_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=log_warning
tests_unit_test_crew_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=call_free \
	-Wl,--wrap=call_new -Wl,--wrap=fetch_free -Wl,--wrap=fetch_new \
	-Wl,--wrap=pthread_join -Wl,--wrap=report_tick \
	-Wl,--wrap=stop_fd -Wl,--wrap=stop_is_wanted
tests_unit_test_digest_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pread \
	-Wl,--wrap=stop_is_wanted
tests_unit_test_document_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mem_wipe_free
tests_unit_test_fcgi_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=accept4
tests_unit_test_fetch_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_monotonic_ms \
	-Wl,--wrap=clock_random -Wl,--wrap=clock_wall_s -Wl,--wrap=object_extend \
	-Wl,--wrap=object_free \
	-Wl,--wrap=object_get -Wl,--wrap=object_new -Wl,--wrap=peer_wait
tests_unit_test_file_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fcntl
tests_unit_test_folder_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=geteuid \
	-Wl,--wrap=statx
tests_unit_test_generation_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=kill \
	-Wl,--wrap=log_warning
tests_unit_test_instance_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ask \
	-Wl,--wrap=clock_wall_s -Wl,--wrap=machine_is_ec2 \
	-Wl,--wrap=profiles_get
tests_unit_test_journal_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fallocate \
	-Wl,--wrap=fdatasync -Wl,--wrap=ftruncate -Wl,--wrap=write
tests_unit_test_keeper_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_monotonic_ms -Wl,--wrap=clock_wall_s \
	-Wl,--wrap=credentials_find -Wl,--wrap=poll \
	-Wl,--wrap=secret_hide_process \
	-Wl,--wrap=watch_changed -Wl,--wrap=watch_new
tests_unit_test_keyring_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_monotonic_ms -Wl,--wrap=peer_wait
tests_unit_test_known_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=log_warning \
	-Wl,--wrap=posix_fallocate -Wl,--wrap=rename
tests_unit_test_leaving_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fcntl \
	-Wl,--wrap=linkat -Wl,--wrap=renameat -Wl,--wrap=renameat2 \
	-Wl,--wrap=unlinkat
tests_unit_test_list_LDFLAGS = $(AM_LDFLAGS) $(wrap_call)
tests_unit_test_mem_LDFLAGS = $(AM_LDFLAGS) $(wrap_memory)
tests_unit_test_memcached_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_monotonic_ms -Wl,--wrap=log_info -Wl,--wrap=log_warning
tests_unit_test_object_LDFLAGS = $(AM_LDFLAGS) $(wrap_http) \
	-Wl,--wrap=clock_monotonic_ms
tests_unit_test_process_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=poll \
	-Wl,--wrap=profiles_get
tests_unit_test_prove_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_monotonic_ms \
	-Wl,--wrap=fetch_object -Wl,--wrap=fetch_pass_on \
	-Wl,--wrap=report_moved -Wl,--wrap=throttle_take
tests_unit_test_put_LDFLAGS = $(AM_LDFLAGS) $(wrap_call) \
	-Wl,--wrap=digest_file -Wl,--wrap=fetch_free -Wl,--wrap=fetch_new \
	-Wl,--wrap=prove_look \
	-Wl,--wrap=report_moved -Wl,--wrap=throttle_take \
	-Wl,--wrap=uploads_begin -Wl,--wrap=uploads_end
tests_unit_test_reply_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_random \
	-Wl,--wrap=http_header -Wl,--wrap=http_reason
tests_unit_test_report_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=poll
tests_unit_test_rehearsal_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=SSL_free -Wl,--wrap=SSL_new -Wl,--wrap=SSL_read
tests_unit_test_request_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=cache_lease \
	-Wl,--wrap=cache_expects_miss \
	-Wl,--wrap=cache_lookup -Wl,--wrap=cache_pass -Wl,--wrap=cache_release \
	-Wl,--wrap=cache_store -Wl,--wrap=cache_store_missing \
	-Wl,--wrap=clock_monotonic_ms -Wl,--wrap=clock_wall_s \
	-Wl,--wrap=fetch_hand_off -Wl,--wrap=fetch_object \
	-Wl,--wrap=fetch_pass_on -Wl,--wrap=peer_wait
tests_unit_test_role_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=credentials_from_container \
	-Wl,--wrap=credentials_from_instance \
	-Wl,--wrap=credentials_from_profile -Wl,--wrap=sts_assume_role
tests_unit_test_roots_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=log_error
tests_unit_test_secret_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=munmap
tests_unit_test_selection_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=known_keep \
	-Wl,--wrap=report_event \
	-Wl,--wrap=report_file_done
tests_unit_test_store_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=log_info
tests_unit_test_sts_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ask \
	-Wl,--wrap=clock_wall_s
tests_unit_test_throttle_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_monotonic_ms -Wl,--wrap=clock_nanosleep
tests_unit_test_trash_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fstat
tests_unit_test_walk_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fstatat \
	-Wl,--wrap=openat -Wl,--wrap=readdir
tests_unit_test_uploads_LDFLAGS = $(AM_LDFLAGS) $(wrap_call) \
	-Wl,--wrap=fdatasync
tests_unit_test_trust_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=X509_STORE_load_file -Wl,--wrap=log_warning
tests_unit_test_way_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=digest_file \
	-Wl,--wrap=file_check -Wl,--wrap=file_open -Wl,--wrap=log_info \
	-Wl,--wrap=faccessat -Wl,--wrap=prove -Wl,--wrap=prove_look \
	-Wl,--wrap=put_file
tests_unit_test_web_identity_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=profiles_get \
	-Wl,--wrap=sts_assume_role_with_web_identity
tests_unit_test_writer_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sendmsg
tests_unit_test_xml_LDFLAGS = $(AM_LDFLAGS) $(wrap_memory)
