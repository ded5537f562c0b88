/*
 * credentials/document: what is a document, and what is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "credentials/document.h"

#define ID     "\"AccessKeyId\":\"AKIDEXAMPLE\""
#define SECRET "\"SecretAccessKey\":\"canary+secret\""
#define TOKEN  "\"Token\":\"canary/token\""
#define END    "\"Expiration\":\"2026-11-24T12:00:00Z\""
#define WHOLE  ID "," SECRET "," TOKEN "," END

#define VERSION "\"Version\":1"
#define SESSION "\"SessionToken\":\"canary/token\""
#define KEYS    VERSION "," ID "," SECRET

enum { END_S = 1795521600 };

/* Read TEXT; what is refused must leave no trace. */
static bool
read_text(struct span text, enum document_kind kind,
    struct credentials_found *found, struct buf *why)
{
	bool is_read;

	*found = (struct credentials_found){ .expires_s = 7 };
	buf_clear(why);
	is_read = document_read(text, kind, found, why);
	if (is_read) {
		assert_int_equal(why->len, 0);
		return (true);
	}
	assert_null(found->credentials.access_key_id);
	assert_null(found->credentials.secret_access_key);
	assert_null(found->credentials.session_token);
	assert_null(found->region);
	assert_int_equal(found->expires_s, 7);
	assert_null(strstr(buf_string(why), "canary"));
	return (false);
}

static void
test_whole(void **state)
{
	static const struct {
		enum document_kind kind;
		struct span text;
		const char *token;
		int64_t expires_s;
	} rows[] = {
		{ DOCUMENT_ENDPOINT, SPAN("{" WHOLE "}"), "canary/token",
		    END_S },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : "
			 "\"2026-11-24T06:00:00Z\",\n  \"Type\" : "
			 "\"AWS-HMAC\",\n" WHOLE "\n}\n"),
		    "canary/token", END_S },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"RoleArn\":\"arn:aws:iam::1:role/a\",\"AccountId\":"
			 "null,\"More\":{\"a\":[1,2.5,true]}," WHOLE "}"),
		    "canary/token", END_S },
		/* Neither Code nor Version is for the other kind. */
		{ DOCUMENT_ENDPOINT, SPAN("{\"Version\":2," WHOLE "}"),
		    "canary/token", END_S },
		{ DOCUMENT_PROCESS, SPAN("{\"Code\":\"Failed\"," KEYS "}"),
		    NULL, CREDENTIALS_NEVER },
		{ DOCUMENT_PROCESS, SPAN("{" KEYS "," SESSION "," END "}"),
		    "canary/token", END_S },
		{ DOCUMENT_PROCESS, SPAN("{" KEYS "," SESSION "}"),
		    "canary/token", CREDENTIALS_NEVER },
		{ DOCUMENT_PROCESS, SPAN("{" KEYS "," END "}"), NULL, END_S },
		{ DOCUMENT_PROCESS,
		    SPAN("{" KEYS ",\"SessionToken\":null,\"Expiration\":"
			 "null}"),
		    NULL, CREDENTIALS_NEVER },
		{ DOCUMENT_PROCESS, SPAN("{" KEYS ",\"SessionToken\":\"\"}"),
		    NULL, CREDENTIALS_NEVER },
	};
	struct credentials_found found;
	struct buf why;

	(void)state;
	buf_init(&why, 200);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].text.data);
		assert_true(
		    read_text(rows[i].text, rows[i].kind, &found, &why));
		assert_string_equal(
		    found.credentials.access_key_id, "AKIDEXAMPLE");
		assert_string_equal(
		    found.credentials.secret_access_key, "canary+secret");
		if (rows[i].token == NULL)
			assert_null(found.credentials.session_token);
		else
			assert_string_equal(
			    found.credentials.session_token, rows[i].token);
		assert_int_equal(found.expires_s, rows[i].expires_s);
		assert_null(found.region);
		credentials_found_fini(&found);
	}
	buf_fini(&why);
}

static void
test_refused(void **state)
{
	static const struct {
		enum document_kind kind;
		struct span text;
		const char *why;
	} rows[] = {
		{ DOCUMENT_ENDPOINT, SPAN(""), "it is empty" },
		{ DOCUMENT_ENDPOINT, { NULL, 0 }, "it is empty" },
		{ DOCUMENT_ENDPOINT, SPAN(" \n"), "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("<html>canary</html>"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("\"canary\""), "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("null"), "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("[\"canary\"]"),
		    "it is no JSON object" },
		{ DOCUMENT_ENDPOINT, SPAN("{}"), "it has no AccessKeyId" },
		{ DOCUMENT_ENDPOINT, SPAN("{" WHOLE "} canary"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("{" WHOLE "}\0"), "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("{" WHOLE "}{" WHOLE "}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("{" WHOLE ",}"), "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("\xef\xbb\xbf{" WHOLE "}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("{" ID "," WHOLE "}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" WHOLE ",\"More\":99999999999999999999}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT, SPAN("{" WHOLE ",\"More\":1e999}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"AccessKeyId\":\"a\\u0000b\"," SECRET "," TOKEN
			 "," END "}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"AccessKeyId\":\"a\0b\"," SECRET "," TOKEN "," END
			 "}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"AccessKeyId\":\"a\xff\"," SECRET "," TOKEN "," END
			 "}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"AccessKeyId\":\"\\ud800\"," SECRET "," TOKEN
			 "," END "}"),
		    "it is not JSON" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"AccessKeyId\":\"a\nb\"," SECRET "," TOKEN "," END
			 "}"),
		    "it is not JSON" },

		{ DOCUMENT_ENDPOINT, SPAN("{" SECRET "," TOKEN "," END "}"),
		    "it has no AccessKeyId" },
		{ DOCUMENT_ENDPOINT, SPAN("{" ID "," TOKEN "," END "}"),
		    "it has no SecretAccessKey" },
		{ DOCUMENT_ENDPOINT, SPAN("{" ID "," SECRET "," END "}"),
		    "it has no Token" },
		{ DOCUMENT_ENDPOINT, SPAN("{" ID "," SECRET "," TOKEN "}"),
		    "it has no Expiration" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET "," SESSION "," END "}"),
		    "it has no Token" },
		{ DOCUMENT_ENDPOINT,
		    SPAN(
			"{\"accesskeyid\":\"a\"," SECRET "," TOKEN "," END "}"),
		    "it has no AccessKeyId" },

		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"AccessKeyId\":null," SECRET "," TOKEN "," END "}"),
		    "its AccessKeyId is no text" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID ",\"SecretAccessKey\":12," TOKEN "," END "}"),
		    "its SecretAccessKey is no text" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET ",\"Token\":{\"a\":\"canary\"}," END
			 "}"),
		    "its Token is no text" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET ",\"Token\":null," END "}"),
		    "its Token is no text" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET "," TOKEN
			 ",\"Expiration\":1795521600}"),
		    "its Expiration is no text" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET "," TOKEN
			 ",\"Expiration\":[\"2026-11-24T12:00:00Z\"]}"),
		    "its Expiration is no text" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET "," TOKEN ",\"Expiration\":null}"),
		    "its Expiration is no text" },

		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"AccessKeyId\":\"\"," SECRET "," TOKEN "," END "}"),
		    "its AccessKeyId is empty" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID ",\"SecretAccessKey\":\"\"," TOKEN "," END "}"),
		    "its SecretAccessKey is empty" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET ",\"Token\":\"\"," END "}"),
		    "its Token is empty" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET "," TOKEN ",\"Expiration\":\"\"}"),
		    "its Expiration is empty" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET "," TOKEN
			 ",\"Expiration\":\"canary\"}"),
		    "its Expiration is no date" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{" ID "," SECRET "," TOKEN
			 ",\"Expiration\":\"2026-13-24T12:00:00Z\"}"),
		    "its Expiration is no date" },

		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"Code\":\"AssumeRoleUnauthorizedAccess\","
			 "\"Message\":\"canary\"}"),
		    "it is a refusal: Code AssumeRoleUnauthorizedAccess" },
		{ DOCUMENT_ENDPOINT, SPAN("{\"Code\":\"Failed\"," WHOLE "}"),
		    "it is a refusal: Code Failed" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"Code\":\"the canary/secret\"," WHOLE "}"),
		    "it is a refusal with a Code of no known form" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"Code\":\"Bad\\ncanary\"," WHOLE "}"),
		    "it is a refusal with a Code of no known form" },
		{ DOCUMENT_ENDPOINT, SPAN("{\"Code\":\"\"," WHOLE "}"),
		    "it is a refusal with a Code of no known form" },
		{ DOCUMENT_ENDPOINT,
		    SPAN("{\"Code\":\"canarycanarycanarycanarycanarycanarycanar"
			 "ycanarycanarycanarycanary\"}"),
		    "it is a refusal with a Code of no known form" },
		{ DOCUMENT_ENDPOINT, SPAN("{\"Code\":200," WHOLE "}"),
		    "its Code is no text" },

		{ DOCUMENT_PROCESS, SPAN(""), "it is empty" },
		{ DOCUMENT_PROCESS, SPAN("canary"), "it is not JSON" },
		{ DOCUMENT_PROCESS, SPAN("{" ID "," SECRET "}"),
		    "it has no Version" },
		{ DOCUMENT_PROCESS, SPAN("{\"Version\":2," ID "," SECRET "}"),
		    "its Version is not the number 1" },
		{ DOCUMENT_PROCESS,
		    SPAN("{\"Version\":\"1\"," ID "," SECRET "}"),
		    "its Version is not the number 1" },
		{ DOCUMENT_PROCESS,
		    SPAN("{\"Version\":true," ID "," SECRET "}"),
		    "its Version is not the number 1" },
		{ DOCUMENT_PROCESS,
		    SPAN("{\"Version\":4294967297," ID "," SECRET "}"),
		    "its Version is not the number 1" },
		{ DOCUMENT_PROCESS, SPAN("{" VERSION "," SECRET "}"),
		    "it has no AccessKeyId" },
		{ DOCUMENT_PROCESS, SPAN("{" VERSION "," ID "}"),
		    "it has no SecretAccessKey" },
		{ DOCUMENT_PROCESS, SPAN("{" KEYS ",\"SessionToken\":1}"),
		    "its SessionToken is no text" },
		{ DOCUMENT_PROCESS, SPAN("{" KEYS ",\"Expiration\":\"\"}"),
		    "its Expiration is empty" },
		{ DOCUMENT_PROCESS, SPAN("{" KEYS ",\"Expiration\":0}"),
		    "its Expiration is no text" },
		{ DOCUMENT_PROCESS, SPAN("{" KEYS ",\"Expiration\":\"x\"}"),
		    "its Expiration is no date" },
	};
	struct credentials_found found;
	struct buf why;

	(void)state;
	buf_init(&why, 200);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%zu: %s\n", i, rows[i].why);
		assert_false(
		    read_text(rows[i].text, rows[i].kind, &found, &why));
		assert_string_equal(buf_string(&why), rows[i].why);
	}
	buf_fini(&why);
}

/* No front of a document is one. */
static void
test_cut_short(void **state)
{
	static const char text[] = "{" WHOLE "}";
	struct credentials_found found;
	struct buf why;

	(void)state;
	buf_init(&why, 200);
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		char *cut = mem_string_of(text, len);

		assert_false(read_text((struct span){ cut, len },
		    DOCUMENT_ENDPOINT, &found, &why));
		free(cut);
	}
	buf_fini(&why);
}

/* What is nested without end is refused before the stack is. */
static void
test_deep(void **state)
{
	static char text[65536];
	struct credentials_found found;
	struct buf why;

	(void)state;
	buf_init(&why, 200);
	memset(text, '[', sizeof(text));
	assert_false(read_text((struct span){ text, sizeof(text) },
	    DOCUMENT_ENDPOINT, &found, &why));
	memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
	assert_false(read_text((struct span){ text, sizeof(text) },
	    DOCUMENT_ENDPOINT, &found, &why));
	assert_string_equal(buf_string(&why), "it is not JSON");
	buf_fini(&why);
}

/* WHY without room is no harm. */
static void
test_no_room(void **state)
{
	struct credentials_found found;
	struct buf why;

	(void)state;
	buf_init(&why, 3);
	assert_false(read_text(SPAN("{}"), DOCUMENT_ENDPOINT, &found, &why));
	assert_string_equal(buf_string(&why), "");
	buf_fini(&why);
}

static unsigned wiped;

void __real_mem_wipe_free(void *memory);
void __wrap_mem_wipe_free(void *memory);

void
__wrap_mem_wipe_free(void *memory)
{
	wiped += memory != NULL;
	__real_mem_wipe_free(memory);
}

/* What jansson has held is wiped. */
static void
test_wiped(void **state)
{
	struct credentials_found found;
	struct buf why;

	(void)state;
	buf_init(&why, 200);
	wiped = 0;
	assert_true(
	    read_text(SPAN("{" WHOLE "}"), DOCUMENT_ENDPOINT, &found, &why));
	assert_true(wiped >= 8); /* four names and four values */
	credentials_found_fini(&found);
	buf_fini(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_wiped),
	};

	return (cmocka_run_group_tests_name("document", tests, NULL, NULL));
}
