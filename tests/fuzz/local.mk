# Fuzz targets: see README.  With --enable-fuzzers by libFuzzer, else with a
# driver of our own that runs them as tests.

FUZZ_TARGETS = \
	tests/fuzz/fuzz_address \
	tests/fuzz/fuzz_command_line \
	tests/fuzz/fuzz_document \
	tests/fuzz/fuzz_error \
	tests/fuzz/fuzz_shared_file \
	tests/fuzz/fuzz_sts_answer \
	tests/fuzz/fuzz_text

if FUZZERS
noinst_PROGRAMS += $(FUZZ_TARGETS)
fuzz_driver =
else
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
fuzz_driver = tests/fuzz/driver.c
endif

tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz_address.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_address_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
tests_fuzz_fuzz_command_line_SOURCES = tests/fuzz/fuzz_command_line.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_command_line_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
tests_fuzz_fuzz_document_SOURCES = tests/fuzz/fuzz_document.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_document_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
tests_fuzz_fuzz_error_SOURCES = tests/fuzz/fuzz_error.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_error_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
tests_fuzz_fuzz_shared_file_SOURCES = tests/fuzz/fuzz_shared_file.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_shared_file_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
tests_fuzz_fuzz_sts_answer_SOURCES = tests/fuzz/fuzz_sts_answer.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_sts_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)
tests_fuzz_fuzz_text_SOURCES = tests/fuzz/fuzz_text.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_text_LDFLAGS = $(AM_LDFLAGS) $(FUZZER_LDFLAGS)

EXTRA_DIST += tests/fuzz/README tests/fuzz/corpus tests/fuzz/driver.c
