# The nginx files as they are shipped, used by the tests and run by the demo.

nginxdir = $(pkgdatadir)/nginx
dist_nginx_DATA = \
	nginx/cache.conf \
	nginx/gyazo.example.com.conf \
	nginx/handoff-hide.conf \
	nginx/handoff-http.conf \
	nginx/handoff-location.conf \
	nginx/handoff.conf \
	nginx/http.conf \
	nginx/location.conf \
	nginx/no-cache.conf \
	nginx/no-handoff.conf
