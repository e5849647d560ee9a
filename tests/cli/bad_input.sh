#!/usr/bin/env bash
# time-limit: 180
# What is wrong is refused: with its exit status, in one line that names the thing, and the generations before stay.
. "$(dirname "$0")/../support/environment.sh"
start_manager
MANAGER=$PMEMCKPT_SERVER
head -c 3000000 /dev/urandom >kept
pmemckpt-ctl save team/app kept --create >/dev/null

# refused STATUS PART command...: nothing on standard output, PART in the one line on standard error
refused() {
    local wanted=$1 part=$2 got=0
    shift 2
    "$@" >out 2>error </dev/null || got=$?
    [ $got = "$wanted" ] || fail "exit status $got, wanted $wanted: $*: $(cat error)"
    [ "$(wc -l <error)" = 1 ] || fail "not one line: $*: $(cat error)"
    [ ! -s out ] || fail "standard output: $*: $(head -c 200 out)"
    contains "$(cat error)" "$part"
    case $(cat error) in pmemckpt-ctl:* | pmemckptd:*) ;; *) fail "it does not name its program: $(cat error)" ;; esac
}

intact() {
    [ "$(pmemckpt-ctl list team/app | wc -l)" = 2 ] || fail "generations: $(pmemckpt-ctl list team/app)"
    pmemckpt-ctl restore team/app@1 | cmp - kept || fail "the kept generation is not what it was"
}

# refused_manager STATUS PART --pool POOL...: a second manager
refused_manager() {
    local status=$1 part=$2
    shift 2
    refused "$status" "$part" timeout 60 pmemckptd --log-level warning --listen 127.0.0.1:0 \
        --admin-socket "$PWD/second.sock" "$@"
}

# Wrong use.
refused 2 "--help" pmemckpt-ctl
refused 2 "nonsense" pmemckpt-ctl nonsense
refused 2 "--nonsense" pmemckpt-ctl list --nonsense
refused 2 "--size" pmemckpt-ctl create-pool new
refused 2 "12Q" pmemckpt-ctl create-pool new --size 12Q
refused 2 "18446744073709551616" pmemckpt-ctl create-pool new --size 18446744073709551616
refused 2 "16777216T" pmemckpt-ctl create-pool new --size 16777216T
refused 2 "1048576" pmemckpt-ctl create-pool new --size 1M
refused 2 "page" pmemckpt-ctl create-pool new --size 64M --page-size 5000
refused 2 ".." pmemckpt-ctl create-key ../tester
refused 2 "manager key" pmemckpt-ctl create-key "$(basename keys/pool-*.key .key)" --force
refused 2 "/.hidden" pmemckpt-ctl create-region team/.hidden
refused 2 "team//app" pmemckpt-ctl create-region team//app
refused 2 "--keep" pmemckpt-ctl create-region new --keep 0
refused 2 "--keep" pmemckpt-ctl create-region new --keep -1
refused 2 "--create" pmemckpt-ctl save team/app kept --keep 3
refused 2 "--transport" pmemckpt-ctl list --transport tcp
refused 2 "app@0" pmemckpt-ctl restore team/app@0
refused 2 "18446744073709551616" pmemckpt-ctl restore team/app@18446744073709551616
refused 2 "1 generation of" pmemckpt-ctl destroy-region team/app
refused 2 "--force" pmemckpt-ctl destroy-region team/app
[ ! -e new ] || fail "a refused command left a pool"
[ "$(find keys -type f | wc -l)" = 2 ] || fail "a refused command left a key: $(ls keys)"
intact

# No such thing.
refused 3 "elsewhere" pmemckpt-ctl list --pool elsewhere
refused 3 "no-region" pmemckpt-ctl list no-region
refused 3 "no-region" pmemckpt-ctl restore no-region
refused 3 "create-region no-region" pmemckpt-ctl save no-region kept
refused 3 "no-region" pmemckpt-ctl destroy-region no-region --force
refused 3 "7" pmemckpt-ctl restore team/app@7
refused 3 "no-file" pmemckpt-ctl save team/app no-file
refused 3 "nobody.key" pmemckpt-ctl list --principal nobody
refused 3 "no-keys" pmemckpt-ctl list --key-dir no-keys
refused 6 "no.sock" pmemckpt-ctl status --admin-socket no.sock
refused 3 "nowhere" pmemckpt-ctl restore team/app --to nowhere/back
refused_manager 3 "no-pool" --pool no-pool
refused 3 "no-folder" pmemckpt-ctl create-pool no-folder/pool --size 64M
pmemckpt-ctl create-region empty >/dev/null
refused 3 "empty" pmemckpt-ctl restore empty
intact

# There already, or in use.
refused 4 "team/app" pmemckpt-ctl create-region team/app
refused 4 "team/app" pmemckpt-ctl create-region team/app/below
refused 4 "tester.key" pmemckpt-ctl create-key tester
refused 4 "pool" pmemckpt-ctl create-pool pool --size 64M
refused 4 "pool" pmemckpt-ctl create-pool pool --size 64M --force
refused_manager 4 "pool" --pool "$PWD/pool"
cp pool copy
refused 4 "$MANAGER" timeout 60 pmemckptd --log-level warning --listen "$MANAGER" --pool "$PWD/copy" \
    --admin-socket "$PWD/second.sock"
intact

# No room: in the region, in the pool, beyond what --size allows, on the disk.
pmemckpt-ctl create-region small --max-size 1M >/dev/null
refused 5 "1048576" pmemckpt-ctl save small kept
head -c 100M /dev/zero >larger_than_the_pool
refused 5 "100.0 MiB" pmemckpt-ctl save team/app larger_than_the_pool
refused 5 "1000" pmemckpt-ctl save team/app kept --size 1000
refused 5 "1000" bash -c 'cat kept | pmemckpt-ctl save team/app --size 1000'
[ "$(pmemckpt-ctl list small | wc -l)" = 1 ] || fail "something was saved in spite of its limit"
if [ -c /dev/full ]; then
    refused 5 "standard output" bash -c 'pmemckpt-ctl restore team/app >/dev/full'
    refused 5 "/dev/full" pmemckpt-ctl restore team/app --to /dev/full
    refused 5 "standard output" bash -c 'pmemckpt-ctl list >/dev/full'
fi
echo before >back
refused 5 "back" bash -c 'ulimit -f 1000; trap "" XFSZ; pmemckpt-ctl restore team/app --to back'
[ "$(cat back)" = before ] || fail "a restore that failed has changed its file"
[ -z "$(find . -name '*.part')" ] || fail "a part is left: $(find . -name '*.part')"
intact

# A pool that is full: nothing is dropped for a new generation.
i=0
while pmemckpt-ctl save filling/area kept --create --keep 100 >/dev/null 2>error; do i=$((i + 1)); done
[ $i -ge 10 ] || fail "a pool of 64M was full after $i generations of 3 MB: $(cat error)"
refused 5 "free" pmemckpt-ctl save team/app kept
[ "$(pmemckpt-ctl list filling/area | wc -l)" = $((i + 1)) ] || fail "a full pool dropped a generation"
intact
pmemckpt-ctl destroy-region filling/area --force >/dev/null

# A file that is written to while it is saved is no checkpoint.
head -c 20M /dev/zero >restless
while :; do truncate -s 19M restless && truncate -s 20M restless; done &
WRITER=$!
started $WRITER
refused 4 "restless" pmemckpt-ctl save team/app restless
kill $WRITER

# Nobody there.
refused 6 "127.0.0.1:1" pmemckpt-ctl list --server 127.0.0.1:1
refused 2 "70000" pmemckpt-ctl list --server 127.0.0.1:70000

# Keys: another one of this name, a principal the manager does not know, one that others may read, no key at all.
mkdir other
pmemckpt-ctl create-key tester --key-dir other >/dev/null
refused 8 "tester" pmemckpt-ctl list --key-dir other
pmemckpt-ctl create-key stranger --key-dir other >/dev/null
refused 8 "stranger" pmemckpt-ctl list --key-dir other --principal stranger
chmod 644 keys/tester.key
refused 8 "chmod 600" pmemckpt-ctl list
chmod 600 keys/tester.key
echo "no key" >other/broken.key && chmod 600 other/broken.key
refused 7 "broken.key" pmemckpt-ctl list --key-dir other --principal broken
mv "$(echo keys/pool-*.key)" other/
refused_manager 3 ".key" --pool "$PWD/copy"
cp keys/tester.key "$(echo other/pool-*.key | sed 's/^other/keys/')"
refused_manager 8 "key" --pool "$PWD/copy"
mv other/pool-*.key keys/
intact

# Pools that are none, are cut short, or come from a later release.
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "the manager ended with $MANAGER_STATUS"
cp --sparse=always pool copy
head -c 20M /dev/urandom >copy.random
refused_manager 7 "copy.random" --pool "$PWD/copy.random"
: >copy.empty
refused_manager 3 "copy.empty" --pool "$PWD/copy.empty"
for length in 1 4095 4096 8192 65536 1000000 20000000 67108863; do
    cp --sparse=always pool copy.cut
    truncate -s $length copy.cut
    refused_manager 7 "copy.cut" --pool "$PWD/copy.cut"
done
cp --sparse=always pool copy.newer
"$BUILD/tests/tools/set_format_version" copy.newer 2
cp --sparse=always copy.newer copy.before
refused_manager 7 "format 2" --pool "$PWD/copy.newer"
cmp copy.newer copy.before || fail "a pool that was refused has changed"
start_manager
intact
