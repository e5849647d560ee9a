#!/usr/bin/env bash
# rekey-pool: the pool has a new manager key, and all that it held; the former key opens nothing, and a client with a copy
# of it refuses the manager. Without the key, or beside a manager, nothing is done. What a cut leaves is brought to its end
# by a second run, or by the manager's start.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
start_manager
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
echo record | pmemckpt-ctl append team/app >/dev/null
expect_status 4 pmemckpt-ctl rekey-pool pool
contains "$OUTPUT" "in use by another program, most likely its manager"
stop_manager
UUID=$(pmemckpt-ctl check pool --json | jq -r .uuid)
KEY=keys/pool-$UUID.key
cp -p "$KEY" former
FORMER=$(sha256sum <pool)

mv "$KEY" away
expect_status 3 pmemckpt-ctl rekey-pool pool
contains "$OUTPUT" "there is no key $PWD/$KEY"
pmemckpt-ctl create-pool other --size 32M >/dev/null
cp -p "keys/pool-$(pmemckpt-ctl check other --json | jq -r .uuid).key" "$KEY"
expect_status 8 pmemckpt-ctl rekey-pool pool
mv away "$KEY"
[ "$(sha256sum <pool)" = "$FORMER" ] || fail "the pool was changed"
expect_status 3 pmemckpt-ctl rekey-pool nothing

expect_status 0 pmemckpt-ctl rekey-pool pool
contains "$OUTPUT" "pool pool has a new manager key"
contains "$OUTPUT" "  manager key  $PWD/$KEY"
cmp -s "$KEY" former && fail "the key is the same"
[ "$(stat -c %a "$KEY")" = 600 ] || fail "mode of the key: $(stat -c %a "$KEY")"
[ ! -e "keys/pool-$UUID.next.key" ] || fail "the next key's file is left"
expect_status 0 pmemckpt-ctl check pool
contains "$OUTPUT" "  MACs         verified"
start_manager
pmemckpt-ctl restore team/app --exact | cmp - state
[ "$(pmemckpt-ctl read-log team/app)" = record ] || fail "the log"

# A client that has a copy of the former key: it is told.
mkdir elsewhere
cp -p keys/tester.key elsewhere
pmemckpt-ctl --key-dir "$PWD/elsewhere" list >/dev/null
cp -p former "elsewhere/pool-$UUID.key"
expect_status 8 pmemckpt-ctl --key-dir "$PWD/elsewhere" list
contains "$OUTPUT" "$PWD/elsewhere/pool-$UUID.key does: it is not the one, or it was given a new key"
stop_manager

# The former key opens nothing any more.
cp -p "$KEY" new
cp -p former "$KEY"
expect_status 8 timeout 60 pmemckptd --listen 127.0.0.1:0 --pool "$PWD/pool"
contains "$OUTPUT" "is not the manager key of pool $UUID"
expect_status 7 pmemckpt-ctl check pool
contains "$OUTPUT" "they name another manager key"

# As a cut behind the switch leaves it: the pool's key has the name of the next one.
mv new "keys/pool-$UUID.next.key"
expect_status 0 pmemckpt-ctl check pool
expect_status 0 pmemckpt-ctl rekey-pool pool --json
jq -e --arg uuid "$UUID" '.uuid == $uuid and .was_cut and (.key | endswith("/pool-\($uuid).key"))' <<<"$OUTPUT" >/dev/null ||
    fail "JSON: $OUTPUT"
[ ! -e "keys/pool-$UUID.next.key" ] || fail "the next key's file is left"
mv "$KEY" "keys/pool-$UUID.next.key"
cp -p former "$KEY"
start_manager
contains "$(cat manager.log)" "has its new manager key: the change that rekey-pool began is done"
pmemckpt-ctl restore team/app --exact | cmp - state
stop_manager
[ ! -e "keys/pool-$UUID.next.key" ] || fail "the next key's file is left"

# No principal has the name of such a key.
expect_status 2 pmemckpt-ctl create-key "pool-$UUID.next"
contains "$OUTPUT" "names a pool's manager key"
