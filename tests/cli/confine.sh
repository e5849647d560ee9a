#!/usr/bin/env bash
# time-limit: 180
# The manager as another user: what the kernel says of each of its threads, and that all of its work goes on so.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
[ "$(id -u)" = 0 ] || skip "it takes root to become another user"
command -v setpriv >/dev/null || skip "setpriv is not installed"
FILTERED=2
! grep -qa '__[at]san_init' "$BUILD/bin/pmemckptd" || FILTERED=0 # a sanitizer has no filter

# A place that everybody reaches, removed with the test's own.
[ -n "$OWN_DIRECTORY" ] || OWN_DIRECTORY=$(mktemp -d /tmp/pmemckpt-confine.XXXXXX)
chmod 755 "$OWN_DIRECTORY"
PLACE=$OWN_DIRECTORY/place
mkdir -m 755 "$PLACE"
cd "$PLACE" || exit 1
export PMEMCKPT_KEY_DIR=$PLACE/keys
ADMIN_SOCKET=$PLACE/admin.sock

nobody() { setpriv --reuid=65534 --regid=65534 --groups="$1" "${@:2}"; }
status() { pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq -r ".confinement | $1"; }
# of_each_thread FIELD: what the kernel says of it, one line for each different one
of_each_thread() { sed -n "s/^$1:\s*//p" /proc/"$MANAGER_PID"/task/*/status | sort -u; }
# each_thread FIELD VALUE
each_thread() { [ "$(of_each_thread "$1" | sed 's/\s*$//')" = "$2" ] || fail "$1 of the threads: $(of_each_thread "$1"), wanted $2"; }
make_pool_of() { # USER NAME
    pmemckpt-ctl create-pool "$2" --size 64M >/dev/null
    chown "$1" "$2" "$PMEMCKPT_KEY_DIR"/pool-*.key
}
configure() { # NAME...: as pools
    local name
    for name in "$@"; do printf '[[pool]]\nname = "%s"\npath = "%s"\n' "$name" "$PWD/$name"; done >new.toml
    mv new.toml manager.toml
}
logged() { wait_for "grep -q '$1' $TEST_DIRECTORY/manager.log"; }

export PMEMCKPT_PRINCIPAL=tester
pmemckpt-ctl create-key tester >/dev/null
# What only root may open is open by then.
make_pool_of root one && chown root one && chmod 600 one
chown -R nobody keys
configure one

# Wrong from the start.
mkdir -m 700 private && cp -a keys private/keys
expect_status 3 pmemckptd --pool one --listen 127.0.0.1:0 --user no-such-user --admin-socket "$PWD/a"
contains "$OUTPUT" "there is no user no-such-user"
expect_status 3 pmemckptd --pool one --listen 127.0.0.1:0 --admin-group no-such-group --admin-socket "$PWD/a"
contains "$OUTPUT" "there is no group no-such-group"
PMEMCKPT_KEY_DIR=$PWD/private/keys expect_status 8 pmemckptd --pool one --listen 127.0.0.1:0 --user nobody --admin-socket "$PWD/a"
contains "$OUTPUT" "key directory $PWD/private/keys can't be read by uid 65534"
expect_status 2 pmemckptd --pool one --confine loosely
contains "$OUTPUT" "on, off or log"
rm -f a

# start OPTIONS...: with the configuration's pools
start() {
    rm -f "$TEST_DIRECTORY/manager.log" addresses
    pmemckptd --config manager.toml --listen "$TEST_HOST:0" --transport "$PMEMCKPT_TRANSPORT" --admin-socket "$ADMIN_SOCKET" \
        --address-file "$PWD/addresses" "$@" 2>"$TEST_DIRECTORY/manager.log" &
    MANAGER_PID=$!
    started $MANAGER_PID
    wait_for '[ -s addresses ]'
    PMEMCKPT_SERVER=$(head -n 1 addresses)
    export PMEMCKPT_SERVER
    pmemckpt-ctl list >/dev/null # it serves, so it is confined
}
# end: with status 0
end() {
    stop_manager
    [ "$MANAGER_STATUS" = 0 ] || fail "exit status $MANAGER_STATUS: $(cat "$TEST_DIRECTORY/manager.log")"
}

start --user nobody --admin-group daemon --scrub-rest 1
each_thread Uid "65534	65534	65534	65534"
each_thread Gid "65534	65534	65534	65534"
each_thread Groups 65534
for set in CapInh CapPrm CapEff CapBnd CapAmb; do each_thread $set 0000000000000000; done
each_thread NoNewPrivs 1
each_thread Seccomp $FILTERED
grep -q '^Max core file size *0 *0 ' /proc/$MANAGER_PID/limits || fail "$(grep core /proc/$MANAGER_PID/limits)"
[ "$(stat -c %U /proc/$MANAGER_PID/mem)" = root ] || [ $FILTERED = 0 ] || fail "its user may look into its memory"
[ "$(status '[.user, .uid, .gid, .capabilities, .bounding_set, .no_new_privileges] | tostring')" = \
    '["nobody",65534,65534,[],[],true]' ] || fail "status: $(status .)"
[ $FILTERED = 0 ] || [ "$(status '[.seccomp, .dumpable] | tostring')" = '["on",false]' ] || fail "status: $(status .)"
contains "$(pmemckpt-ctl status --admin-socket "$ADMIN_SOCKET")" "user nobody, no capabilities, "

# All of its work.
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create --keep 2 >/dev/null
echo "a record" | pmemckpt-ctl append team/app >/dev/null
[ "$(pmemckpt-ctl read-log team/app)" = "a record" ] || fail "the log: $(pmemckpt-ctl read-log team/app)"
pmemckpt-ctl save team/app state >/dev/null
pmemckpt-ctl restore team/app | cmp - state
pmemckpt-ctl take-over team/app >/dev/null
pmemckpt-ctl save team/app state >/dev/null
wait_for '[ "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq "[.scrub.passes >= 1, .scrub.findings == []] | all")" = true ]' 60

# A reload: a pool of its user is opened; one that it may not open is named, with what would open it.
make_pool_of nobody two && chown nobody two
configure one two
chmod 644 manager.toml
kill -HUP $MANAGER_PID
logged "read again"
pmemckpt-ctl save in/two state --create --pool two >/dev/null
pmemckpt-ctl restore in/two --pool two | cmp - state
make_pool_of root three && chmod 600 three
configure one two three
kill -HUP $MANAGER_PID
logged "stays as it was: .*three.*(user nobody, without capabilities, opens it now; a new start opens it"
configure one two
sed -i '1i confine = "off"' manager.toml
kill -HUP $MANAGER_PID
logged "user, admin_group or confine changed: takes effect at the next start"
pmemckpt-ctl restore team/app | cmp - state

configure one two
# The admin socket: root, the group, and nobody else, whatever the file's mode.
[ "$(stat -c '%a %U %G' "$ADMIN_SOCKET")" = "660 nobody daemon" ] || fail "$(stat -c '%a %U %G' "$ADMIN_SOCKET")"
if nobody 1 test -x "$BUILD/bin/pmemckpt-ctl"; then
    user() { setpriv --reuid=4711 --regid=4711 --groups="$1" "${@:2}"; }
    contains "$(user "$(getent group daemon | cut -d: -f3)" pmemckpt-ctl status --admin-socket "$ADMIN_SOCKET")" "no capabilities"
    expect_status 8 user 4712 pmemckpt-ctl status --admin-socket "$ADMIN_SOCKET"
    chmod 666 "$ADMIN_SOCKET"
    expect_status 8 user 4712 pmemckpt-ctl status --admin-socket "$ADMIN_SOCKET"
    contains "$OUTPUT" "admin socket: uid 4711"
    logged "admin socket: uid 4711 (pid [0-9]*) is refused; uid 0 and 65534, and members of group"
else
    echo "SKIP: another user can't reach $BUILD"
fi

# The end: what has begun is finished; files in a directory of root's stay, and are empty or replaced.
end
[ ! -s addresses ] || fail "the address file names a manager that is gone"
start --user nobody
end
chmod 1777 .
start --user nobody
end
[ ! -e addresses ] && [ ! -e "$ADMIN_SOCKET" ] || fail "they are left: $(ls)"
chmod 755 .

# By root, with no user named: without capabilities as well.
chown -R root keys one two
chown nobody keys/tester.key
pmemckpt-ctl create-key other >/dev/null
export PMEMCKPT_PRINCIPAL=other
start
each_thread Uid "0	0	0	0"
each_thread CapEff 0000000000000000
each_thread CapPrm 0000000000000000
each_thread Seccomp $FILTERED
contains "$(cat "$TEST_DIRECTORY/manager.log")" "keys/tester.key can't be read by uid 0"
PMEMCKPT_PRINCIPAL=tester expect_status 8 pmemckpt-ctl list
end
[ ! -e addresses ] && [ ! -e "$ADMIN_SOCKET" ] || fail "they are left: $(ls)"
start --confine off
each_thread Seccomp "$(sed -n 's/^Seccomp:\s*//p' /proc/self/status)"
each_thread CapEff "$(sed -n 's/^CapEff:\s*//p' /proc/self/status)"
[ "$(status .dumpable)" = true ] || fail "status: $(status .)"
end
start --confine log
each_thread Seccomp $FILTERED
[ $FILTERED = 0 ] || [ "$(status .seccomp)" = log ] || fail "status: $(status .)"
! grep 'system call' "$TEST_DIRECTORY/manager.log" || fail "a call is missing in its list"
end

# Who is not root becomes nobody else.
chown -R nobody keys one two
chmod 1777 .
nobody 65534 test -x "$BUILD/bin/pmemckptd" || { echo "SKIP: another user can't reach $BUILD" && exit 0; }
expect_status 8 nobody 65534 pmemckptd --config manager.toml --listen 127.0.0.1:0 --user daemon --admin-socket "$PWD/a"
contains "$OUTPUT" "can't become user daemon"
