/*
 * The least that libfcgi and libcurl do together: FastCGI in, a GET to S3 over
 * a kept connection, its answer out.  Nothing is signed, checked, retried,
 * bounded in time or kept; what breaks off is not seen.  What trys3d takes
 * beyond this is its own.
 *
 *	parts SOCKET WORKERS URL CA_FILE
 *
 * Listens on the unix socket and answers /KEY with URL/KEY, until it is ended.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <curl/curl.h>
#include <fcgiapp.h>

enum { OBJECT_MAX = 64 * 1024 * 1024 };

struct object {
	char *data;
	size_t len, room;
};

static size_t
take(char *data, size_t size, size_t count, void *context)
{
	struct object *object = context;
	size_t len = size * count;

	if (object->len + len > object->room) {
		object->room = 2 * (object->len + len);
		object->data = realloc(object->data, object->room);
		if (object->data == NULL || object->room > OBJECT_MAX)
			return (0);
	}
	memcpy(object->data + object->len, data, len);
	object->len += len;
	return (len);
}

static void
answer(
    FCGX_Request *request, CURL *easy, const char *base, struct object *object)
{
	const char *uri = FCGX_GetParam("DOCUMENT_URI", request->envp);
	char url[4096];
	long status = 0;

	snprintf(url, sizeof(url), "%s%s", base, uri != NULL ? uri : "/");
	object->len = 0;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	if (curl_easy_perform(easy) == CURLE_OK)
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		FCGX_FPrintF(request->out, "Status: 502 Bad Gateway\r\n\r\n");
		return;
	}
	FCGX_FPrintF(request->out,
	    "Content-Type: image/png\r\nContent-Length: %d\r\n\r\n",
	    (int)object->len);
	FCGX_PutStr(object->data, (int)object->len, request->out);
}

static void
work(int listening, const char *base, const char *ca_file)
{
	struct object object = { NULL, 0, 0 };
	CURL *easy = curl_easy_init();
	FCGX_Request request;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	FCGX_InitRequest(&request, listening, 0);
	curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &object);
	while (FCGX_Accept_r(&request) == 0) {
		answer(&request, easy, base, &object);
		FCGX_Finish_r(&request);
	}
	exit(0);
}

int
main(int argc, char *argv[])
{
	int listening;

	if (argc != 5) {
		fputs("usage: parts SOCKET WORKERS URL CA_FILE\n", stderr);
		return (2);
	}
	FCGX_Init();
	signal(SIGTERM, SIG_DFL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	listening = FCGX_OpenSocket(argv[1], 1024);
	if (listening < 0)
		return (1);
	for (int i = atoi(argv[2]); i > 0; i--)
		if (fork() == 0)
			work(listening, argv[3], argv[4]);
	while (wait(NULL) > 0)
		continue;
	return (0);
}
