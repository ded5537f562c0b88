# The nginx files as they are shipped, used by the tests and run by the demo.

nginxdir = $(pkgdatadir)/nginx
dist_nginx_DATA =
