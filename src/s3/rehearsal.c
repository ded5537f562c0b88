/*
 * A rehearsal: see rehearsal.h.  Without, a worker's first connection touches a
 * megabyte in 260 page faults; with it, 45 are left.
 *
 * The certificate is made here, by a key that is forgotten at the end, and
 * nothing leaves the process.
 */
#include "s3/rehearsal.h"

#include <stdbool.h>
#include <stddef.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* Flights of a handshake and what follows it, with some to spare. */
enum { TURNS = 4 };

struct stage {
	EVP_PKEY *key;
	X509 *x509;
	SSL_CTX *asks_ctx;
	SSL_CTX *answers_ctx;
	SSL *asks;
	SSL *answers;
};

/* Somebody who vouches for himself. */
static bool
make_certificate(struct stage *stage)
{
	X509_NAME *name;

	stage->key = EVP_EC_gen("P-256");
	stage->x509 = X509_new();
	if (stage->key == NULL || stage->x509 == NULL)
		return (false);
	name = X509_get_subject_name(stage->x509);
	return (X509_set_version(stage->x509, X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(stage->x509), -60) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(stage->x509), 60) != NULL &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		(const unsigned char *)"rehearsal", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(stage->x509, name) == 1 &&
	    X509_set_pubkey(stage->x509, stage->key) == 1 &&
	    X509_sign(stage->x509, stage->key, EVP_sha256()) > 0);
}

static bool
make_sides(struct stage *stage)
{
	BIO *left, *right;

	stage->asks_ctx = SSL_CTX_new(TLS_client_method());
	stage->answers_ctx = SSL_CTX_new(TLS_server_method());
	if (stage->asks_ctx == NULL || stage->answers_ctx == NULL)
		return (false);
	SSL_CTX_set_verify(stage->asks_ctx, SSL_VERIFY_PEER, NULL);
	if (X509_STORE_add_cert(
		SSL_CTX_get_cert_store(stage->asks_ctx), stage->x509) != 1 ||
	    SSL_CTX_use_certificate(stage->answers_ctx, stage->x509) != 1 ||
	    SSL_CTX_use_PrivateKey(stage->answers_ctx, stage->key) != 1)
		return (false);
	stage->asks = SSL_new(stage->asks_ctx);
	stage->answers = SSL_new(stage->answers_ctx);
	if (stage->asks == NULL || stage->answers == NULL ||
	    BIO_new_bio_pair(&left, 0, &right, 0) != 1)
		return (false);
	SSL_set_bio(stage->asks, left, left);
	SSL_set_bio(stage->answers, right, right);
	SSL_set_connect_state(stage->asks);
	SSL_set_accept_state(stage->answers);
	return (true);
}

/* A question and an answer, to have ciphered and deciphered. */
static void
play(struct stage *stage)
{
	char line[16] = "rehearsal";

	for (int i = 0; i < TURNS; i++) {
		(void)SSL_do_handshake(stage->asks);
		(void)SSL_do_handshake(stage->answers);
	}
	if (SSL_write(stage->asks, line, sizeof(line)) > 0 &&
	    SSL_read(stage->answers, line, sizeof(line)) > 0 &&
	    SSL_write(stage->answers, line, sizeof(line)) > 0)
		(void)SSL_read(stage->asks, line, sizeof(line));
}

void
rehearsal_hold(void)
{
	struct stage stage = { NULL };

	if (make_certificate(&stage) && make_sides(&stage))
		play(&stage);
	SSL_free(stage.asks);
	SSL_free(stage.answers);
	SSL_CTX_free(stage.asks_ctx);
	SSL_CTX_free(stage.answers_ctx);
	X509_free(stage.x509);
	EVP_PKEY_free(stage.key);
	ERR_clear_error();
}
