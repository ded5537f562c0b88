/*
 * Digests: see digest.h.  One pass for both, since to read the file costs as
 * much as to digest it.
 */
#include "offload/digest.h"

#include <errno.h>

#include <openssl/evp.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "offload/stop.h"

/* A digest that has begun; NULL where OpenSSL has none of that kind. */
static EVP_MD_CTX *
begin(const EVP_MD *kind)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context == NULL)
		log_fatal(1, "OpenSSL: out of memory");
	if (EVP_DigestInit_ex(context, kind, NULL) == 1)
		return (context);
	EVP_MD_CTX_free(context);
	return (NULL);
}

static bool
update(EVP_MD_CTX *context, const void *data, size_t len)
{
	return (context == NULL || EVP_DigestUpdate(context, data, len) == 1);
}

/* All of the bytes through both, those that fit one behind the other; false as
 * digest_file. */
static bool
read_all(int fd, uint64_t offset, uint64_t left, bool is_idle, char *room,
    size_t room_size, EVP_MD_CTX *sha256, EVP_MD_CTX *md5)
{
	bool fits = left <= room_size;
	ssize_t got;

	while (left > 0) {
		if (is_idle && stop_is_wanted()) {
			errno = ECANCELED;
			return (false);
		}
		got = fd_read_at(
		    fd, room, left < room_size ? left : room_size, offset);
		if (got <= 0) {
			if (got == 0)
				errno = 0;
			return (false);
		}
		if (!update(sha256, room, (size_t)got) ||
		    !update(md5, room, (size_t)got))
			log_fatal(1, "OpenSSL cannot digest");
		offset += (uint64_t)got;
		left -= (uint64_t)got;
		if (fits)
			room += got;
	}
	return (true);
}

bool
digest_file(int fd, uint64_t offset, uint64_t size, bool with_md5, bool is_idle,
    char *room, size_t room_size, struct digest *digest)
{
	EVP_MD_CTX *sha256 = begin(EVP_sha256());
	EVP_MD_CTX *md5 = with_md5 ? begin(EVP_md5()) : NULL;
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool is_read =
	    read_all(fd, offset, size, is_idle, room, room_size, sha256, md5);
	int why = errno;

	if (sha256 == NULL || EVP_DigestFinal_ex(sha256, bytes, &len) != 1)
		log_fatal(1, "OpenSSL has no SHA-256");
	format_hex(bytes, len, digest->sha256);
	digest->md5[0] = digest->md5_hex[0] = '\0';
	if (md5 != NULL && EVP_DigestFinal_ex(md5, bytes, &len) == 1) {
		EVP_EncodeBlock((unsigned char *)digest->md5, bytes, (int)len);
		format_hex(bytes, len, digest->md5_hex);
	}
	EVP_MD_CTX_free(sha256);
	EVP_MD_CTX_free(md5);
	errno = why;
	return (is_read);
}
