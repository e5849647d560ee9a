#!/usr/bin/env bash
# pmemckpt-ctl audit: silent of what is right, and for each thing that is wrong a row and exit status 1.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
[ "$(stat -f -c %T .)" != tmpfs ] || skip "the directory of tests is in memory, which an audit calls wrong"
chmod 700 "$PMEMCKPT_KEY_DIR" 2>/dev/null || true
! grep -qa "__[at]san_init" "$BUILD/bin/pmemckptd" || skip "a sanitizer has no filter, which an audit calls wrong"
make_spare
start_manager
audit() { pmemckpt-ctl audit --admin-socket "$ADMIN_SOCKET" "$@"; }
# is_wrong PART: a row that begins so, and has this in it; nothing else is wrong
is_wrong() {
    expect_status 1 audit
    [ "$(grep -c '^wrong' <<<"$OUTPUT")" = 1 ] || fail "other things are wrong: $OUTPUT"
    contains "$(grep '^wrong' <<<"$OUTPUT")" "$1"
}

chmod 700 "$PMEMCKPT_KEY_DIR"
expect_status 0 audit
contains "$OUTPUT" "it is a plain file: durable when the system has written its pages"
[ "$(audit --json | jq -c 'map(.wrong) | unique')" = "[false]" ] || fail "$(audit --json)"

chmod 640 "$PMEMCKPT_KEY_DIR/spare.key"
is_wrong "chmod 600 $PMEMCKPT_KEY_DIR/spare.key"
chmod 600 "$PMEMCKPT_KEY_DIR/spare.key"
chmod 755 "$PMEMCKPT_KEY_DIR"
is_wrong "chmod 700 $PMEMCKPT_KEY_DIR"
chmod 700 "$PMEMCKPT_KEY_DIR"
echo nonsense >"$PMEMCKPT_KEY_DIR/broken.key" && chmod 600 "$PMEMCKPT_KEY_DIR/broken.key"
is_wrong "it does not hold a key"
rm "$PMEMCKPT_KEY_DIR/broken.key"
if [ "$(id -u)" = 0 ]; then
    chown 65534 "$PMEMCKPT_KEY_DIR/spare.key"
    is_wrong "user 65534 owns it, and the key directory is user 0's: chown 0 $PMEMCKPT_KEY_DIR/spare.key"
    chown 0 "$PMEMCKPT_KEY_DIR/spare.key"
    # A manager that is the directory's owner can't read it.
    mkdir -m 700 theirs && cp -p "$PMEMCKPT_KEY_DIR/spare.key" theirs && chown 65534 theirs
    expect_status 1 audit --key-dir theirs
    contains "$OUTPUT" "chown 65534 theirs/spare.key"
fi
# The manager's directory is looked at too, where another one is named.
chmod 755 "$PMEMCKPT_KEY_DIR"
mkdir -m 700 empty
expect_status 1 audit --key-dir empty
contains "$OUTPUT" "chmod 700 $PMEMCKPT_KEY_DIR"
chmod 700 "$PMEMCKPT_KEY_DIR"
pmemckpt-ctl rotate-key spare >/dev/null
contains "$(audit)" "the key before is valid as well, for now: it was rotated"

# Windows that are open are as wide as what they are for, and their keys are random.
pmemckpt-ctl save team/app --create /bin/true >/dev/null
mkfifo pipes
for _ in 1 2 3 4 5 6; do
    pmemckpt-ctl save team/app --size 1M pipes >/dev/null 2>&1 &
    started $!
done
exec 5>pipes
wait_for '[ "$(of_sessions tester windows)" = 6 ]'
expect_status 0 audit
exec 5>&-

pmemckpt-ctl create-key spare --key-dir other >/dev/null
expect_status 8 pmemckpt-ctl --principal spare list --key-dir other
is_wrong "1 proofs of a principal have failed since the manager was started"
[ "$(audit --json | jq -r '.[] | select(.wrong) | .about')" = sessions ] || fail "$(audit --json)"

stop_manager
start_manager --confine log
is_wrong "system calls that should be refused are told, and let through"
stop_manager
start_manager --confine off
expect_status 1 audit
contains "$OUTPUT" "no system call is refused"
contains "$OUTPUT" "a program that it executes could get more rights"
[ "$(id -u)" != 0 ] || contains "$OUTPUT" "it has capabilities: "
stop_manager

# With no manager, that is said.
expect_status 0 env -u PMEMCKPT_SERVER pmemckpt-ctl audit
contains "$OUTPUT" "none answers on this host"
