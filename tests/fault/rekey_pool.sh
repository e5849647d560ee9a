#!/usr/bin/env bash
# time-limit: 600
# Each system call of rekey-pool fails once, or the program is killed before it, the Nth, N = 1, 2, ...: the pool is opened
# with one of the keys that lie in the key directory, all that it held is there, and a second run comes to its end.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
make_pool 32M
start_manager
head -c 300000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
stop_manager
UUID=$(pmemckpt-ctl check pool --json | jq -r .uuid)
NEXT=keys/pool-$UUID.next.key
switched=0 unswitched=0

# opens WHAT: with a key that is there; what is in it verifies, and no MAC is wrong
opens() {
    pmemckpt-ctl check pool --json >checked 2>error || true
    jq -e '.macs_verified and .good_generations == 1 and (.findings | all(.severity == "cut"))' checked >/dev/null ||
        fail "$1: $(cat checked error)"
}
for rule in open:EMFILE openat:EMFILE read:EIO write:ENOSPC write:short fsync:EIO msync:EIO fallocate:ENOSPC rename:EIO mmap:ENOMEM malloc:ENOMEM \
    open:kill write:kill fsync:kill msync:kill rename:kill close:kill; do
    call=${rule%:*} how=${rule#*:}
    for ((n = 1; ; n = $(after $n))); do
        status=0 WHAT="rekey-pool with $call at call $n ($how)"
        with_fault "$call:$n:$how" pmemckpt-ctl rekey-pool pool >said 2>error || status=$?
        was_injected || break
        [ "$how" = kill ] || ended_well $status pmemckpt-ctl error "$WHAT"
        count "$rule" $status
        opens "$WHAT"
        if [ -e "$NEXT" ]; then
            expect_status 0 pmemckpt-ctl rekey-pool pool
            case $OUTPUT in *"change that was cut"*) switched=$((switched + 1)) ;; *) unswitched=$((unswitched + 1)) ;; esac
            [ ! -e "$NEXT" ] || fail "$WHAT: the next key's file is left"
            opens "$WHAT, and a second run"
        fi
    done
done
print_table "pmemckpt-ctl rekey-pool"
echo "cut before the switch $unswitched times, behind it $switched times"
[ $switched -gt 0 ] && [ $unswitched -gt 0 ] || fail "the cuts did not come on both sides of the switch"
expect_status 0 pmemckpt-ctl check pool
start_manager
pmemckpt-ctl restore team/app --exact | cmp - state
