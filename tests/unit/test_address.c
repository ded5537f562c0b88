/*
 * credentials/address: what is an address, and which may be asked over http.
 */
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "credentials/address.h"

static void
test_parts(void **state)
{
	static const struct {
		const char *text;
		bool is_https;
		bool is_bracketed;
		const char *host;
		const char *path;
	} rows[] = {
		{ "http://localhost", false, false, "localhost", "" },
		{ "https://a.example/", true, false, "a.example", "/" },
		{ "HTTP://A_b-1.example:80/a/../b?c=d%20&e", false, false,
		    "A_b-1.example", "/a/../b?c=d%20&e" },
		{ "hTTpS://a:65535?b", true, false, "a", "?b" },
		{ "http://[::1]:1/x@y:z", false, true, "::1", "/x@y:z" },
		{ "http://[fd00:ec2::23]", false, true, "fd00:ec2::23", "" },
	};
	struct address address;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].text);
		assert_true(address_read(span_of(rows[i].text), &address));
		assert_int_equal(address.is_https, rows[i].is_https);
		assert_int_equal(address.is_bracketed, rows[i].is_bracketed);
		assert_true(span_equal(address.host, span_of(rows[i].host)));
		assert_true(span_equal(address.path, span_of(rows[i].path)));
	}
}

static void
test_no_address(void **state)
{
	static const struct span rows[] = {
		{ NULL, 0 },
		SPAN(""),
		SPAN("http:"),
		SPAN("http:/"),
		SPAN("http://"),
		SPAN("https://"),
		SPAN("http:///path"),
		SPAN("ftp://localhost/"),
		SPAN("file:///etc/passwd"),
		SPAN("localhost/"),
		SPAN("//localhost/"),
		SPAN(" http://localhost/"),
		SPAN("http ://localhost/"),
		SPAN("httpss://localhost/"),
		SPAN("http://127.0.0.1@evil/"),
		SPAN("http://user:secret@localhost/"),
		SPAN("http://@localhost/"),
		SPAN("http://localhost:80@evil/"),
		SPAN("https://127.0.0.1\\@evil/"),
		SPAN("http://127.0.0.1\\evil/"),
		SPAN("http://localhost#@evil/"),
		SPAN("http://localhost/#a"),
		SPAN("http://localhost/a\\b"),
		SPAN("http://localhost/a b"),
		SPAN("http://localhost/a\r\nX: y"),
		SPAN("http://localhost/a\tb"),
		SPAN("http://localhost/\x7f"),
		SPAN("http://localhost/\xc3\xa4"),
		SPAN("http://localhost/a\0b"),
		SPAN("http://local\0host/"),
		SPAN("http://b\xc3\xbc"
		     "cher.example/"),
		SPAN("http://%6cocalhost/"),
		SPAN("http://localhost:/"),
		SPAN("http://localhost:0/"),
		SPAN("http://localhost:65536/"),
		SPAN("http://localhost:000080/"),
		SPAN("http://localhost:18446744073709551617/"),
		SPAN("http://localhost:80x/"),
		SPAN("http://localhost:+80/"),
		SPAN("http://localhost:80:80/"),
		SPAN("http://[::1"),
		SPAN("http://[]/"),
		SPAN("http://[::1\0]/"),
		SPAN("http://[::1\0.evil]/"),
		SPAN("http://[::1]x/"),
		SPAN("http://[::1]]/"),
		SPAN("http://[::1%25lo]/"),
		SPAN("http://[localhost]/"),
		SPAN("http://[127.0.0.1]/"),
		SPAN("http://[::1.evil]/"),
		SPAN("http://::1/"),
		SPAN("http://[v1.a]/"),
		SPAN("http://"
		     "[0000000000000000000000000000000000000000000000000001]/"),
	};
	struct address address;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].data);
		assert_false(address_read(rows[i], &address));
	}
}

static void
test_length(void **state)
{
	char *text = mem_alloc(ADDRESS_MAX + 2);
	struct address address;

	(void)state;
	memset(text, 'a', ADDRESS_MAX + 1);
	memcpy(text, "http://localhost/", 17);
	text[ADDRESS_MAX + 1] = '\0';
	assert_false(address_read(span_of(text), &address));
	text[ADDRESS_MAX] = '\0';
	assert_true(address_read(span_of(text), &address));
	free(text);
}

static void
test_for_container(void **state)
{
	static const struct {
		const char *text;
		bool is_allowed;
	} rows[] = {
		{ "http://127.0.0.1/", true },
		{ "http://127.0.0.1:8080/a", true },
		{ "http://127.255.255.254/", true },
		{ "http://[::1]/", true },
		{ "http://[0:0:0:0:0:0:0:1]/", true },
		{ "http://localhost/", true },
		{ "HTTP://LocalHost:99/", true },
		{ "http://169.254.170.2/v2/a", true },
		{ "http://169.254.170.23/v1/credentials", true },
		{ "http://[fd00:ec2::23]/v1/credentials", true },
		{ "http://[FD00:EC2:0::23]/v1/credentials", true },
		{ "https://anywhere.example/", true },
		{ "https://10.0.0.1/", true },
		{ "https://[2001:db8::1]/", true },
		{ "http://anywhere.example/", false },
		{ "http://10.0.0.1/", false },
		{ "http://126.0.0.1/", false },
		{ "http://128.0.0.1/", false },
		{ "http://169.254.169.254/", false },
		{ "http://169.254.170.3/", false },
		{ "http://169.254.170.22/", false },
		{ "http://169.254.170.24/", false },
		{ "http://169.254.170.2.evil/", false },
		{ "http://127.0.0.1.evil/", false },
		{ "http://localhost.evil/", false },
		{ "http://localhost./", false },
		{ "http://127.0.0.1./", false },
		{ "http://localhos/", false },
		{ "http://127.1/", false },
		{ "http://127/", false },
		{ "http://2130706433/", false },
		{ "http://0x7f.1/", false },
		{ "http://0x7f000001/", false },
		{ "http://0177.0.0.1/", false },
		{ "http://127.0.0.01/", false },
		{ "http://127.0.0.0001/", false },
		{ "http://127.0.0.256/", false },
		{ "http://127.0.0.1.1/", false },
		{ "http://0.0.0.0/", false },
		{ "http://[::]/", false },
		{ "http://[::2]/", false },
		{ "http://[::ffff:127.0.0.1]/", false },
		{ "http://[::127.0.0.1]/", false },
		{ "http://[fd00:ec2::254]/", false },
		{ "http://[fd00:ec2::2300]/", false },
	};
	struct address address;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].text);
		assert_true(address_read(span_of(rows[i].text), &address));
		assert_int_equal(
		    address_is_for_container(&address), rows[i].is_allowed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_for_container),
	};

	return (cmocka_run_group_tests_name("address", tests, NULL, NULL));
}
