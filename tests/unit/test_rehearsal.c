/*
 * The rehearsal of a TLS handshake (src/s3/rehearsal.h): that it is played to
 * its end, and leaves nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cmocka.h>

#include "s3/rehearsal.h"

static int n_heard, n_made, n_freed;

int __real_SSL_read(SSL *ssl, void *to, int len);
int __wrap_SSL_read(SSL *ssl, void *to, int len);
SSL *__real_SSL_new(SSL_CTX *ctx);
SSL *__wrap_SSL_new(SSL_CTX *ctx);
void __real_SSL_free(SSL *ssl);
void __wrap_SSL_free(SSL *ssl);

int
__wrap_SSL_read(SSL *ssl, void *to, int len)
{
	int got = __real_SSL_read(ssl, to, len);

	if (got == len && SSL_is_init_finished(ssl))
		n_heard++;
	return (got);
}

SSL *
__wrap_SSL_new(SSL_CTX *ctx)
{
	n_made++;
	return (__real_SSL_new(ctx));
}

void
__wrap_SSL_free(SSL *ssl)
{
	if (ssl != NULL)
		n_freed++;
	__real_SSL_free(ssl);
}

static void
test_to_the_end(void **state)
{
	(void)state;
	rehearsal_hold();
	assert_int_equal(n_heard, 2); /* each by the other */
	assert_int_equal(n_made, 2);
	assert_int_equal(n_freed, 2);
	assert_int_equal(ERR_peek_error(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_the_end),
	};

	return (cmocka_run_group_tests_name("rehearsal", tests, NULL, NULL));
}
