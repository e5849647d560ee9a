#!/usr/bin/env bash
# time-limit: 120
# Claims 20: before a manager programs the tables of a pool, it proves that it has the pool's manager key. Without it, with
# another pool's, with its own key named by the pool and every checksum mended, and where somebody without the key wrote
# metadata: nobody is let in, and not a byte of the pool is changed. With the key all is there.
. "$(dirname "$0")/../support/environment.sh"
FORGE=$BUILD/tests/tools/forge
[ -x "$FORGE" ] || skip "$FORGE is not built"
start_manager
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
stop_manager
pmemckpt-ctl create-pool other --size 32M >/dev/null
UUID=$(pmemckpt-ctl check pool | sed -n 's/^  uuid *//p')
OTHER=$(pmemckpt-ctl check other | sed -n 's/^  uuid *//p')
cp --sparse=always pool good
cp "keys/pool-$UUID.key" own.key

# programs_nothing STATUS SENTENCE: a manager of ./pool ends with that status and a sentence; it never listened, so no table
# was programmed, and no byte of the pool is another one.
programs_nothing() {
    local before
    before=$(sha256sum <pool && stat -c %Y,%Z pool)
    rm -f let-in
    expect_status "$1" timeout 60 pmemckptd --listen "$TEST_HOST:0" --transport "$PMEMCKPT_TRANSPORT" --pool "$PWD/pool" \
        --address-file let-in --admin-socket "$ADMIN_SOCKET"
    contains "$OUTPUT" "$2"
    [ "$(grep -c . <<<"$OUTPUT")" -le 3 ] || fail "that is more than a sentence: $OUTPUT"
    [ ! -e let-in ] || fail "it listened"
    [ "$before" = "$(sha256sum <pool && stat -c %Y,%Z pool)" ] || fail "the pool was changed"
}

# with_key FILE: as the pool's
with_key() { install -m 600 "$1" "keys/pool-$UUID.key"; }

rm "keys/pool-$UUID.key"
programs_nothing 3 "needs its manager key: there is no key $PWD/keys/pool-$UUID.key"
with_key "keys/pool-$OTHER.key"
programs_nothing 8 "$PWD/keys/pool-$UUID.key is not the manager key of pool $UUID"
with_key own.key
chmod 644 "keys/pool-$UUID.key"
programs_nothing 8 "may be read by others"
echo "no key" >keys/nonsense.key
with_key keys/nonsense.key
programs_nothing 7 "does not hold a key"

# Its own key, named by the pool. Then the checksums hold, of superblocks and records, and no MAC does.
"$FORGE" pool key "$PWD/keys/pool-$OTHER.key"
[ "$(cmp -l pool good | wc -l)" -gt 64 ] || fail "nothing was forged"
with_key "keys/pool-$OTHER.key"
programs_nothing 8 "was not written by a manager with the pool's key: its checksum holds, and its MAC does not"
with_key own.key
programs_nothing 8 "is not the manager key of pool $UUID"

for what in superblock record; do
    cp --sparse=always good pool
    "$FORGE" pool $what
    ! cmp -s pool good || fail "nothing was forged"
    programs_nothing 8 "was not written by a manager with the pool's key: its checksum holds, and its MAC does not"
done

# Of two pools one without its key: the other one is not served either.
mv "keys/pool-$OTHER.key" away
cp --sparse=always good pool
expect_status 3 timeout 60 pmemckptd --listen "$TEST_HOST:0" --transport "$PMEMCKPT_TRANSPORT" --pool "$PWD/pool" \
    --pool "$PWD/other" --address-file let-in --admin-socket "$ADMIN_SOCKET"
[ ! -e let-in ] || fail "it listened"

# With the key: tables are programmed, and what is in the pool can be had.
start_manager
pmemckpt-ctl restore team/app --exact | cmp - state
contains "$(pmemckpt-ctl save team/app state)" "team/app@2 "
