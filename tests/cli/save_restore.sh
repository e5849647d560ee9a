#!/usr/bin/env bash
# time-limit: 120
# What is saved comes back: sizes at the borders and at random, from files and pipes, to files and streams.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
RANDOM=${SEED:-1}
PAGE=$((2 * 1024 * 1024))
BUFFER=$((8 * 1024 * 1024)) # what save and restore move at a time
make_pool 128M
start_manager
pmemckpt-ctl create-region team/app --keep 2 >/dev/null

number=0
saved() { # SIZE LINE: what save printed about the file "state"
    number=$((number + 1))
    case $2 in
    "team/app@$number $1 bytes crc32c="????????" durability=page") ;;
    *) fail "save of $1 bytes said: $2" ;;
    esac
    pmemckpt-ctl restore "team/app@$number" >back
    cmp state back || fail "$1 bytes came back changed"
}

# The file "state" through a pipe.
# shellcheck disable=SC2002
piped() { cat state | "$@"; }

for size in 0 1 4095 4096 4097 $((PAGE - 1)) $PAGE $((PAGE + 1)) $((BUFFER - 1)) $BUFFER $((BUFFER + 1)) \
    $((3 * BUFFER + 5)) $((RANDOM % 5000)) $((RANDOM * 99 + 1)) $((RANDOM * 640)); do
    head -c "$size" /dev/urandom >state
    saved "$size" "$(pmemckpt-ctl save team/app state)"
    saved "$size" "$(piped pmemckpt-ctl save team/app)"
    saved "$size" "$(piped pmemckpt-ctl save team/app --size $((size + RANDOM)))"
done
saved "$size" "$(pmemckpt-ctl save team/app --from state)"
saved "$size" "$(pmemckpt-ctl save team/app <state)"
saved "$size" "$(pmemckpt-ctl save team/app - --size "$size" <state)"
[ -z "$(find . -maxdepth 1 -name 'pmemckpt-save*')" ] || fail "a temporary file is left"

# The list says the same as save did; generation numbers go on.
length=$(stat -c %s state)
contains "$(pmemckpt-ctl list team/app | tail -n 1)" "$number"
[ "$(pmemckpt-ctl list team/app --json | jq ".[-1] | .number == $number and .length == $length")" = true ] ||
    fail "list: $(pmemckpt-ctl list team/app --json)"
[ "$(pmemckpt-ctl list | awk '$1 == "team/app" { print $2, $3, $4 }')" = "2 $number $length" ] ||
    fail "list: $(pmemckpt-ctl list)"

# From the middle of a file on; a file of /proc, whose size is not told.
printf 'head\ntail\n' >two_lines
{
    dd bs=5 count=1 status=none >/dev/null
    pmemckpt-ctl save team/app >/dev/null
} <two_lines
[ "$(pmemckpt-ctl restore team/app)" = tail ] || fail "not the rest of the file: $(pmemckpt-ctl restore team/app)"
pmemckpt-ctl save team/app /proc/version >/dev/null
pmemckpt-ctl restore team/app | cmp - /proc/version || fail "a file of /proc"

# --to replaces what is there, keeps its mode and a symbolic link to it, and leaves nothing else.
mkdir place
echo old >place/real && chmod 640 place/real && ln -s real place/link
contains "$(pmemckpt-ctl restore team/app@newest --to place/link)" "verified, in place/link"
cmp place/real /proc/version || fail "--to"
[ -L place/link ] || fail "the link is gone"
[ "$(stat -c %a place/real)" = 640 ] || fail "the mode is $(stat -c %a place/real)"
[ "$(find place -mindepth 1 | sort | tr '\n' ' ')" = "place/link place/real " ] || fail "left: $(ls -la place)"
(umask 027 && pmemckpt-ctl restore team/app --to place/new >/dev/null)
[ "$(stat -c %a place/new)" = 640 ] || fail "the new file's mode is $(stat -c %a place/new)"
mkfifo place/pipe
cat place/pipe >piped &
started $!
pmemckpt-ctl restore team/app --to place/pipe >/dev/null
wait $!
cmp piped /proc/version || fail "--to a named pipe"
[ -p place/pipe ] || fail "the named pipe was replaced"

# A region may be named like a command, and end like a target.
echo state >state
for region in list a@3; do pmemckpt-ctl save "$region" state --create >/dev/null; done
pmemckpt-ctl restore list | cmp - state
pmemckpt-ctl restore a@3@newest | cmp - state
pmemckpt-ctl restore a@3@1 | cmp - state

# A terminal gets no binary data; a reader that goes away is an error with a sentence.
script -qec 'pmemckpt-ctl restore team/app' on_terminal >/dev/null && fail "it wrote to a terminal"
contains "$(cat on_terminal)" "standard output is a terminal"
head -c $((3 * BUFFER)) /dev/urandom >state
pmemckpt-ctl save team/app state >/dev/null
{
    status=0
    pmemckpt-ctl restore team/app 2>closed || status=$?
    echo $status >status
} | head -c 1 >/dev/null
[ "$(cat status)" = 1 ] || fail "exit status $(cat status) when the reader went away"
contains "$(cat closed)" "standard output was closed"
