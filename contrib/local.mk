# What an operator copies from.

contribdir = $(pkgdatadir)/contrib
dist_contrib_DATA = \
	contrib/README.md \
	contrib/bucket-policy-ceph-read.json \
	contrib/bucket-policy-tls-only.json \
	contrib/iam-policy-offload.json \
	contrib/iam-policy-read-list.json \
	contrib/iam-policy-read.json \
	contrib/lifecycle-abort-multipart.json \
	contrib/trust-policy-ec2.json \
	contrib/trust-policy-ecs.json \
	contrib/trust-policy-eks-irsa.json \
	contrib/trust-policy-eks-pod-identity.json \
	contrib/trust-policy-roles-anywhere.json \
	contrib/trys3-offload.cron \
	contrib/trys3-offload.service \
	contrib/trys3-offload.timer \
	contrib/trys3.conf \
	contrib/trys3d-spawn-fcgi.service \
	contrib/trys3d.service \
	contrib/trys3d.socket \
	contrib/trys3d.sysusers
