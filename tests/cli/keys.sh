#!/usr/bin/env bash
# Keys that are rotated and revoked, with a manager that runs: both keys are good for a while, and a revoked one ends all at once.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
start_manager
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
let_spare team/app read write append
cp -pr "$PMEMCKPT_KEY_DIR" before
spare() { pmemckpt-ctl --principal spare "$@"; }

pmemckpt-ctl rotate-key spare --overlap 1h >said
contains "$(cat said)" "The key before is valid for 1h more"
! cmp -s before/spare.key "$PMEMCKPT_KEY_DIR/spare.key" || fail "it is the same key"
[ "$(stat -c %a "$PMEMCKPT_KEY_DIR/spare.key" "$PMEMCKPT_KEY_DIR/spare.key.former" | sort -u)" = 600 ] || fail "others may read a key"
spare restore team/app --to got >/dev/null
spare restore team/app --to got --key-dir before >/dev/null
[ "$(pmemckpt-ctl rotate-key spare --overlap 1s --json | jq -c '[.principal, .overlap_s]')" = '["spare",1]' ] || fail "other JSON"
expect_status 8 spare restore team/app --to got --key-dir before
cp -p "$PMEMCKPT_KEY_DIR/spare.key" second.key
pmemckpt-ctl rotate-key spare --overlap 0 >said
contains "$(cat said)" "valid for no time more"
mkdir second && cp -p second.key second/spare.key
expect_status 8 spare restore team/app --to got --key-dir second
spare restore team/app --to got >/dev/null
expect_status 3 pmemckpt-ctl rotate-key nobody
expect_status 2 pmemckpt-ctl rotate-key spare --overlap soon
expect_status 2 pmemckpt-ctl rotate-key "$(basename "$PMEMCKPT_KEY_DIR"/pool-*.key .key)"

# What is open with it ends, in mid-write; others go on.
mkfifo pipe
spare save team/app --size 9000000 pipe >save.said 2>&1 &
SAVE=$!
started $SAVE
exec 6>pipe
head -c 4000000 /dev/zero >&6
wait_for '[ "$(of_sessions spare windows)" -gt 0 ]'
expect_status 2 pmemckpt-ctl revoke-key spare
contains "$OUTPUT" "revoke-key with --force removes it, and ends its sessions"
[ "$(pmemckpt-ctl revoke-key spare --force --admin-socket "$ADMIN_SOCKET" --json | jq -c '[.sessions, .windows]')" = "[1,1]" ] ||
    fail "it ended something else"
[ "$(of_sessions spare windows)" = 0 ] || fail "it has windows still"
exec 6>&-
ended $SAVE
[ "$STATUS" = 6 ] || [ "$STATUS" = 8 ] || fail "the save ended with $STATUS: $(cat save.said)"
[ ! -e "$PMEMCKPT_KEY_DIR/spare.key" ] && [ ! -e "$PMEMCKPT_KEY_DIR/spare.key.former" ] || fail "a key is there"
expect_status 8 spare restore team/app --to got --key-dir second
pmemckpt-ctl restore team/app --to got >/dev/null
cmp state got
[ "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq .audit.sessions_ended)" = 1 ] || fail "it is not counted"
expect_status 3 pmemckpt-ctl revoke-key spare --force --admin-socket "$ADMIN_SOCKET"
contains "$OUTPUT" "there is no key of spare in $PMEMCKPT_KEY_DIR, and no session of it"

# What an attempt that was cut short has left open is ended by the next one, and a key that is of no use any more is removed.
pmemckpt-ctl create-key spare >/dev/null
spare save team/app --size 9000000 pipe >save.said 2>&1 &
SAVE=$!
started $SAVE
exec 6>pipe
wait_for '[ "$(of_sessions spare windows)" -gt 0 ]'
rm "$PMEMCKPT_KEY_DIR/spare.key"
contains "$(pmemckpt-ctl revoke-key spare --force --admin-socket "$ADMIN_SOCKET")" "there is no key of spare in $PMEMCKPT_KEY_DIR; 1 session with 1 window ended"
[ "$(of_sessions spare windows)" = 0 ] || fail "it has windows still"
exec 6>&-
ended $SAVE
pmemckpt-ctl create-key spare >/dev/null
chmod 644 "$PMEMCKPT_KEY_DIR/spare.key"
pmemckpt-ctl revoke-key spare --force --admin-socket "$ADMIN_SOCKET" >/dev/null
[ ! -e "$PMEMCKPT_KEY_DIR/spare.key" ] || fail "the key that others may read is there"

# A new key in place of one that is lost is the only one.
pmemckpt-ctl create-key spare >/dev/null
rm -r second && cp -pr "$PMEMCKPT_KEY_DIR" second
pmemckpt-ctl rotate-key spare >/dev/null
pmemckpt-ctl create-key spare --force >/dev/null
expect_status 8 spare restore team/app --to got --key-dir second
spare restore team/app --to got >/dev/null

# With no manager there, that is said.
stop_manager
expect_status 6 pmemckpt-ctl revoke-key spare --force --admin-socket "$ADMIN_SOCKET"
contains "$OUTPUT" "the key of spare is removed; a manager that runs goes on with its sessions"
[ ! -e "$PMEMCKPT_KEY_DIR/spare.key" ] || fail "it is there"

# What root makes is the directory's owner's, who may be the manager.
if [ "$(id -u)" = 0 ]; then
    mkdir -m 700 theirs && chown 65534:65534 theirs
    pmemckpt-ctl create-key spare --key-dir theirs >/dev/null
    pmemckpt-ctl rotate-key spare --key-dir theirs >/dev/null
    [ "$(stat -c %u:%g:%a theirs/* | sort -u)" = 65534:65534:600 ] || fail "$(ls -l theirs)"
fi
