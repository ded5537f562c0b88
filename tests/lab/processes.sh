# shellcheck shell=sh disable=SC2154
# Functions for scripts that start programs in the background and end them
# again.  Sourced with $folder set: an absolute path, which stands in the
# command line of every program that is started, so that a process id that was
# recorded and since given to someone else is never taken for ours.

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# need PROGRAM...: end here if one is not installed
need()
{
	for program; do
		command -v "$program" >/dev/null || die "$program is not installed"
	done
}

# free_port [PORT]: a port of 127.0.0.1 that nobody listens on or talks from:
# that one, or else one below those that the kernel hands out, so that nobody
# gets it by chance before we do.
free_port()
{
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
	    awk -v port="${1:-0}" -v seed="$(od -An -N3 -tu4 /dev/urandom)" '
		BEGIN { used["0000"] }
		{ n = split($2, address, ":"); used[address[n]] }
		END {
			srand(seed)
			while (sprintf("%04X", port) in used)
				port = 10000 + int(rand() * 20000)
			print port
		}'
}

# run NAME COMMAND...: in the background, in a session of its own; its process
# id goes to $folder/NAME.pid, what it says to $folder/NAME.log
run()
{
	name=$1
	shift
	setsid "$@" </dev/null >"$folder/$name.log" 2>&1 &
	echo $! >"$folder/$name.pid"
}

# runs NAME: is it still there?  (A zombie has no command line.)
runs()
{
	[ -s "$folder/$1.pid" ] &&
	    { tr '\0' ' ' <"/proc/$(cat "$folder/$1.pid")/cmdline"; } \
	    2>/dev/null | grep -qF -- "$folder"
}

# wait_for NAME SECONDS CONDITION...: until the command CONDITION holds, while
# NAME runs
wait_for()
{
	name=$1
	tries=$(($2 * 20))
	shift 2
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ $tries -le 0 ] || ! runs "$name"; then
			tail -n 20 "$folder/$name.log" >&2
			die "$name did not start; see $folder/$name.log"
		fi
		sleep 0.05
	done
}

# end NAME...: SIGTERM, and SIGKILL to one that is still there after 10 s
end()
{
	for name; do
		tries=200
		while runs "$name"; do
			case $tries in
			200) kill "$(cat "$folder/$name.pid")" ;;
			0) kill -KILL "$(cat "$folder/$name.pid")" ;;
			-100) die "cannot end $name" ;;
			esac
			tries=$((tries - 1))
			sleep 0.05
		done 2>/dev/null
		rm -f "$folder/$name.pid"
	done
}

# status NAME...: a line for each; false if one is down
status()
{
	all=0
	for name; do
		if runs "$name"; then
			pid=$(cat "$folder/$name.pid")
			echo "$name: process $pid," "$(awk '/^VmRSS/ {
			    printf "%.0f MiB", $2 / 1024 }' "/proc/$pid/status")"
		else
			echo "$name: down"
			all=1
		fi
	done
	return $all
}

# own_folder MARK: the folder is there, and is ours: it was made by us or is
# empty.  What is not ours is never emptied or removed.
own_folder()
{
	mkdir -p "$folder"
	[ -e "$folder/$1" ] || [ -z "$(ls -A "$folder")" ] ||
	    die "$folder holds other things"
	: >"$folder/$1"
}

# remove_folder MARK: if it is ours
remove_folder()
{
	if [ -e "$folder/$1" ]; then
		rm -rf "$folder"
	elif [ -e "$folder" ]; then
		die "$folder was not made by this script"
	fi
}
