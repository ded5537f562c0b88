/*
 * What another is given to ask S3 with: see handoff.h.
 */
#include "s3/handoff.h"

enum { HOST_MAX = 512, TARGET_MAX = 12288 };

/* What nginx makes itself or says as it is, of an answer that it passes on. */
static const char *const own[] = {
	"Accept-Ranges",
	"Connection",
	"Content-Length",
	"Content-Range",
	"Date",
	"Keep-Alive",
	"Server",
	"Transfer-Encoding",
};

/* What nginx/handoff-location.conf takes out, besides what metadata has a field
 * for: of AWS, Ceph, Swift, MinIO and what stands in front of others. */
static const char *const hidden[] = {
	"Alt-Svc",
	"CF-Cache-Status",
	"CF-RAY",
	"Content-Security-Policy",
	"NEL",
	"Report-To",
	"Set-Cookie",
	"Strict-Transport-Security",
	"Vary",
	"Via",
	"x-amz-bucket-region",
	"x-amz-checksum-crc32",
	"x-amz-checksum-crc32c",
	"x-amz-checksum-crc64nvme",
	"x-amz-checksum-sha1",
	"x-amz-checksum-sha256",
	"x-amz-checksum-type",
	"x-amz-delete-marker",
	"x-amz-expiration",
	"x-amz-id-2",
	"x-amz-missing-meta",
	"x-amz-mp-parts-count",
	"x-amz-object-lock-legal-hold",
	"x-amz-object-lock-mode",
	"x-amz-object-lock-retain-until-date",
	"x-amz-replication-status",
	"x-amz-request-id",
	"x-amz-server-side-encryption",
	"x-amz-server-side-encryption-aws-kms-key-id",
	"x-amz-server-side-encryption-bucket-key-enabled",
	"x-amz-tagging-count",
	"x-amz-version-id",
	"x-amz-website-redirect-location",
	"X-Content-Type-Options",
	"X-Frame-Options",
	"X-Openstack-Request-Id",
	"X-Ratelimit-Limit",
	"X-Ratelimit-Remaining",
	"X-RGW-Object-Type",
	"X-Trans-Id",
	"X-Xss-Protection",
};

const char *
handoff_hidden(size_t i)
{
	return (i < sizeof(hidden) / sizeof(hidden[0]) ? hidden[i] : NULL);
}

void
handoff_init(struct handoff *handoff)
{
	buf_init(&handoff->host, HOST_MAX);
	buf_init_secret(&handoff->target, TARGET_MAX);
}

void
handoff_fini(struct handoff *handoff)
{
	buf_fini(&handoff->host);
	buf_fini(&handoff->target);
}

bool
handoff_write(struct handoff *handoff, struct sigv4_signer *signer,
    const struct site *site, const struct credentials *credentials,
    struct span region, struct span key, int64_t now)
{
	struct site_target target;
	bool is_whole;

	buf_clear(&handoff->host);
	buf_clear(&handoff->target);
	site_target_init(&target);
	is_whole = site_target(site, region, key, &target) &&
	    buf_add_span(&handoff->host, buf_span(&target.host)) &&
	    buf_add_span(&handoff->target, buf_span(&target.path)) &&
	    buf_add_char(&handoff->target, '?') &&
	    sigv4_presign(signer, buf_span(&target.host),
		buf_span(&target.path), HANDOFF_SECONDS, credentials, region,
		SPAN("s3"), now, &handoff->target);
	site_target_fini(&target);
	return (is_whole);
}

static bool
is_among(const char *const *names, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_equal_nocase(name, span_of(names[i])))
			return (true);
	return (false);
}

bool
handoff_may_pass(
    const struct metadata *metadata, struct span name, struct span value)
{
	for (size_t i = 0; i < METADATA_FIELDS; i++) {
		if (!span_equal_nocase(
			name, span_of(metadata_name((enum metadata_field)i))))
			continue;
		return (metadata->field[i].data != NULL &&
		    span_equal(span_trim(value), metadata->field[i]));
	}
	return (is_among(own, sizeof(own) / sizeof(own[0]), name) ||
	    is_among(hidden, sizeof(hidden) / sizeof(hidden[0]), name));
}
