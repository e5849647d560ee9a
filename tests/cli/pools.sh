#!/usr/bin/env bash
# One manager, two pools: --pool picks one, by name or UUID; what is in one is not in the other.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
for pool in one two; do pmemckpt-ctl create-pool $pool --size 64M --json | jq -r .uuid >$pool.uuid; done
start_manager --pool "first=$PWD/one" --pool "second=$PWD/two"

echo "in one" >a
echo "in two" >b
pmemckpt-ctl save team/app a --create >/dev/null
pmemckpt-ctl save team/app b --create --pool second >/dev/null
[ "$(pmemckpt-ctl restore team/app)" = "in one" ] || fail "the manager's first pool is not the one unless told"
[ "$(pmemckpt-ctl restore team/app --pool first)" = "in one" ] || fail "--pool NAME"
[ "$(pmemckpt-ctl restore team/app --pool second)" = "in two" ] || fail "--pool NAME"
[ "$(pmemckpt-ctl restore team/app --pool "$(cat two.uuid)")" = "in two" ] || fail "--pool UUID"
[ "$(PMEMCKPT_POOL=second pmemckpt-ctl restore team/app)" = "in two" ] || fail "PMEMCKPT_POOL"
[ "$(PMEMCKPT_POOL=second pmemckpt-ctl --pool first restore team/app)" = "in one" ] || fail "the option goes first"
expect_status 3 pmemckpt-ctl list --pool third
contains "$OUTPUT" "third"

pmemckpt-ctl destroy-region team/app --force >/dev/null
[ "$(pmemckpt-ctl list | wc -l)" = 1 ] || fail "still there: $(pmemckpt-ctl list)"
[ "$(pmemckpt-ctl restore team/app --pool second)" = "in two" ] || fail "the other pool's region"

[ "$(pmemckpt-ctl list --pools --json | jq -r '.[].name')" = first ] || fail "the session's pool"
[ "$(pmemckpt-ctl list --pools --json --admin-socket "$ADMIN_SOCKET" | jq -c '[.[].name]')" = '["first","second"]' ] ||
    fail "pools of the manager: $(pmemckpt-ctl list --pools --json --admin-socket "$ADMIN_SOCKET")"
[ "$(pmemckpt-ctl list --pools --json --pool second | jq -r '.[0].uuid')" = "$(cat two.uuid)" ] || fail "the UUID"

# Two pools of one UUID verify each other's records: served side by side, nobody could say which is which.
stop_manager
cp --sparse=always one copy
expect_status 4 timeout 60 pmemckptd --listen 127.0.0.1:0 --pool "first=$PWD/one" --pool "second=$PWD/copy"
contains "$OUTPUT" "pools $PWD/one and $PWD/copy have the same UUID $(cat one.uuid): one is a copy of the other"

# A manager that can't open one of its pools serves none.
expect_status 3 timeout 60 pmemckptd --listen 127.0.0.1:0 --pool "$PWD/one" --pool "$PWD/none"
contains "$OUTPUT" "none"
# With another pool's key a client notices: the manager is not the one it should be.
for pool in one two; do [ -f "keys/pool-$(cat $pool.uuid).key" ] || fail "no key of pool $pool"; done
cp "keys/pool-$(cat two.uuid).key" "keys/pool-$(cat one.uuid).key"
expect_status 8 timeout 60 pmemckptd --listen 127.0.0.1:0 --pool "$PWD/one"
contains "$OUTPUT" "key"
