#!/usr/bin/env bash
# Claims 19: who asks for the set proves who he is: with no key, with another's, with one that was rotated or revoked he is given
# nothing; with his own he is, as long as he has the right.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
start_manager
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
let_spare team/app read
spare() { pmemckpt-ctl --principal spare "$@"; }
refused() { # KEY_DIRECTORY: what is said is the same, whatever is wrong
    expect_status 8 spare restore team/app --to got --key-dir "$1"
    contains "$OUTPUT" "authentication of principal spare failed"
    [ ! -e got ] || fail "something came"
}

mkdir of-another random
cp -p "$PMEMCKPT_KEY_DIR/tester.key" of-another/spare.key
pmemckpt-ctl create-key spare --key-dir random >/dev/null
refused of-another
refused random
cp -pr "$PMEMCKPT_KEY_DIR" right
mv "$PMEMCKPT_KEY_DIR/spare.key" kept.key
refused right
mv kept.key "$PMEMCKPT_KEY_DIR/spare.key"
spare restore team/app --to got --key-dir right >/dev/null
cmp state got
rm got

pmemckpt-ctl rotate-key spare --overlap 0 >/dev/null
refused right
cp -p "$PMEMCKPT_KEY_DIR/spare.key" right/
spare restore team/app --to got --key-dir right >/dev/null
rm got
pmemckpt-ctl revoke team/app spare >/dev/null
expect_status 3 spare restore team/app --to got --key-dir right
let_spare team/app read
pmemckpt-ctl revoke-key spare --force --admin-socket "$ADMIN_SOCKET" >/dev/null
refused right
[ "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq .audit.authentication_failed)" = 5 ] || fail "they are not counted"
