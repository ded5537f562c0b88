# shellcheck shell=sh disable=SC2154
# Functions for scripts that need Debian packages.  Sourced with $top set to the
# top of the source.

# missing_packages WHAT...: those of the file "packages" that are not installed
missing_packages()
{
	for what; do
		awk -v what="$what" '$1 == what {
			for (i = 2; i <= NF; i++)
				print $i
		}' "$top/tests/lab/packages"
	done | while read -r package; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" \
		    2>/dev/null) in
		installed) ;;
		*) echo "$package" ;;
		esac
	done
}

# The services that start with the machine.
enabled_services()
{
	systemctl list-unit-files --state=enabled --no-legend 2>/dev/null |
	    cut -d' ' -f1 | sort
}

# While packages are installed no service is to start, stop or restart:
# invoke-rc.d and deb-systemd-invoke ask policy-rc.d.  Ours says no while this
# script runs, and leaves it to the one that was there before (if any) from then
# on, so that it does no harm even if it should be left behind.
policy=/usr/sbin/policy-rc.d

forbid_services()
{
	if [ -e $policy ] && ! grep -q trys3 $policy; then
		mv $policy $policy.before-trys3
	fi
	cat >$policy <<-END
	#!/bin/sh
	# trys3 installs packages: without their services.
	[ ! -d /proc/$$ ] || exit 101
	[ ! -x $policy.before-trys3 ] || exec $policy.before-trys3 "\$@"
	END
	chmod 755 $policy
}

allow_services()
{
	rm -f $policy
	[ ! -e $policy.before-trys3 ] ||
	    mv $policy.before-trys3 $policy
}

# install_packages WHAT...: what is missing of it, without starting anything.
# A service that came with it does not start with the machine either.
install_packages()
{
	missing=$(missing_packages "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "These packages are missing; as root:" >&2
		echo "apt-get install --no-install-recommends $missing" >&2
		exit 1
	fi
	echo "installing: $missing"
	before=$(enabled_services)
	log=$(mktemp)
	trap 'allow_services; rm -f "$log"' EXIT
	trap 'exit 1' HUP INT TERM
	forbid_services
	# shellcheck disable=SC2086
	if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
	    NEEDRESTART_SUSPEND=1 apt-get -q -y install \
	    --no-install-recommends $missing; } </dev/null >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		exit 1
	fi
	enabled_services | grep -vxF "$before" | while read -r service; do
		systemctl --quiet disable "$service"
	done
	allow_services
	rm -f "$log"
	trap - EXIT HUP INT TERM
}
