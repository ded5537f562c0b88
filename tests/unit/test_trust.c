/*
 * The authorities of TLS (src/s3/trust.h): which file's certificates count,
 * when it is read again, and that a fork shares them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>
#include <sys/wait.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cmocka.h>

#include "base/log.h"
#include "s3/trust.h"
#include "scratch.h"

/* Somebody who signed himself. */
struct holder {
	EVP_PKEY *key;
	X509 *x509;
};

static int n_warnings;

void __wrap_log_warning(const char *format, ...);

void
__wrap_log_warning(const char *format, ...)
{
	(void)format;
	n_warnings++;
}

/* How often a file of certificates was parsed, by this process. */
static int n_parsed;

int __real_X509_STORE_load_file(X509_STORE *store, const char *file);
int __wrap_X509_STORE_load_file(X509_STORE *store, const char *file);

int
__wrap_X509_STORE_load_file(X509_STORE *store, const char *file)
{
	n_parsed++;
	return (__real_X509_STORE_load_file(store, file));
}

static struct holder
make_holder(const char *name)
{
	struct holder holder = { EVP_EC_gen("P-256"), X509_new() };
	X509_NAME *subject = X509_get_subject_name(holder.x509);

	assert_int_equal(X509_set_version(holder.x509, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(holder.x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(holder.x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(holder.x509), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	assert_int_equal(X509_set_issuer_name(holder.x509, subject), 1);
	assert_int_equal(X509_set_pubkey(holder.x509, holder.key), 1);
	assert_true(X509_sign(holder.x509, holder.key, EVP_sha256()) > 0);
	return (holder);
}

static void
free_holder(struct holder *holder)
{
	X509_free(holder->x509);
	EVP_PKEY_free(holder->key);
}

/* Put the certificates of HOLDERS in place of the file PATH. */
static void
write_file(const char *path, const struct holder *const holders[], size_t n)
{
	const char *other = in_scratch("new.pem");
	FILE *file = fopen(other, "we");

	assert_non_null(file);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(PEM_write_X509(file, holders[i]->x509), 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(other, path), 0);
}

/* Does a client that trusts PATH take HOLDER for who he is? */
static bool
is_trusted(const char *path, const struct holder *holder)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL *asks, *answers;
	BIO *left, *right;
	char why[256];
	bool is_done;

	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	assert_true(trust_give(client, path, why, sizeof(why)));
	assert_int_equal(SSL_CTX_use_certificate(server, holder->x509), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server, holder->key), 1);
	assert_int_equal(BIO_new_bio_pair(&left, 0, &right, 0), 1);
	asks = SSL_new(client);
	answers = SSL_new(server);
	SSL_set_bio(asks, left, left);
	SSL_set_bio(answers, right, right);
	SSL_set_connect_state(asks);
	SSL_set_accept_state(answers);
	for (int i = 0; i < 4; i++) {
		SSL_do_handshake(asks);
		SSL_do_handshake(answers);
	}
	is_done = SSL_is_init_finished(asks);
	SSL_free(asks);
	SSL_free(answers);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return (is_done);
}

static void
test_which(void **state)
{
	struct holder a = make_holder("a"), b = make_holder("b");
	char one[128], two[128];

	(void)state;
	snprintf(one, sizeof(one), "%s", in_scratch("one.pem"));
	snprintf(two, sizeof(two), "%s", in_scratch("two.pem"));
	write_file(one, (const struct holder *[]){ &a }, 1);
	write_file(two, (const struct holder *[]){ &a, &b }, 2);
	assert_true(is_trusted(one, &a));
	assert_false(is_trusted(one, &b));
	assert_true(is_trusted(two, &a));
	assert_true(is_trusted(two, &b));
	free_holder(&a);
	free_holder(&b);
	trust_fini();
}

/* Once, until it is another file. */
static void
test_when(void **state)
{
	struct holder a = make_holder("a"), b = make_holder("b");
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s", in_scratch("ca.pem"));
	write_file(path, (const struct holder *[]){ &a }, 1);
	n_parsed = 0;
	trust_prepare(path);
	trust_prepare(path);
	assert_true(is_trusted(path, &a));
	assert_false(is_trusted(path, &b));
	assert_int_equal(n_parsed, 1);
	write_file(path, (const struct holder *[]){ &b }, 1);
	assert_false(is_trusted(path, &a));
	assert_true(is_trusted(path, &b));
	assert_int_equal(n_parsed, 2);
	free_holder(&a);
	free_holder(&b);
	trust_fini();
}

static void
test_unreadable(void **state)
{
	struct holder a = make_holder("a");
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char path[128], why[256] = "";
	FILE *file;

	(void)state;
	n_warnings = 0;
	snprintf(path, sizeof(path), "%s", in_scratch("ca.pem"));
	trust_prepare(path);
	assert_false(trust_give(ctx, path, why, sizeof(why)));
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "No such file"));
	file = fopen(path, "we");
	assert_true(fputs("no certificate\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_false(trust_give(ctx, path, why, sizeof(why)));
	assert_non_null(strstr(why, path));
	assert_int_equal(n_warnings, 0);

	/* From now on it can be read; then once more it can't. */
	write_file(path, (const struct holder *[]){ &a }, 1);
	assert_true(is_trusted(path, &a));
	assert_int_equal(unlink(path), 0);
	n_parsed = 0;
	assert_true(is_trusted(path, &a));
	assert_true(is_trusted(path, &a));
	assert_int_equal(n_parsed, 1);
	assert_int_equal(n_warnings, 1);
	SSL_CTX_free(ctx);
	free_holder(&a);
	trust_fini();
}

/* Who is forked has what its parent has parsed. */
static void
test_fork(void **state)
{
	struct holder a = make_holder("a");
	char path[128];
	int status;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s", in_scratch("ca.pem"));
	write_file(path, (const struct holder *[]){ &a }, 1);
	trust_prepare(path);
	n_parsed = 0;
	pid = fork();
	if (pid == 0)
		_exit(is_trusted(path, &a) && n_parsed == 0 ? 0 : 1);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free_holder(&a);
	trust_fini();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_which, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(
		    test_when, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(
		    test_unreadable, scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(
		    test_fork, scratch_make, scratch_remove),
	};

	return (cmocka_run_group_tests_name("trust", tests, NULL, NULL));
}
