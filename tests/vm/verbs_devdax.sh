#!/usr/bin/env bash
# time-limit: 600
# A pool on devdax, reached over an RDMA device: saved, sealed, restored, mounted, mapped, appended to and taken over, on rxe
# and on siw; and all of it is there when the guest was reset and started anew with the same NVDIMM.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
. "$PROJECT/tests/support/pair.sh"

served_over_verbs() {
    start_manager --pool "$DAX_DEVICE"
    [ "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq -r '"\(.engine) \(.pools[0].durability)"')" = "verbs gpspm" ] ||
        fail "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET")"
}

save_and_take_over() {
    pmemckpt-ctl create-pool "$DAX_DEVICE"
    served_over_verbs
    for i in 1 2 3; do # of several pages, which lie anywhere, and one that is not full
        head -c $((9000000 + i)) /dev/urandom >"state.$i"
        pmemckpt-ctl save team/app "state.$i" --create --keep 3
    done
    pmemckpt-ctl restore team/app >restored
    cmp restored state.3
    pmemckpt-ctl restore team/app@1 >restored
    cmp restored state.1

    mount_ckpt
    cmp "$CKPT/team/app" state.3
    [ "$(getfattr --only-values -n user.pmemckpt.durability "$CKPT/team/app")" = gpspm ] || fail "another method"
    "$BUILD/tests/tools/mmap_sum" "$CKPT/team/app" >of_view
    "$BUILD/tests/tools/mmap_sum" state.3 >of_file
    cmp of_view of_file

    mkfifo lines
    pmemckpt-ctl append team/app --lines <lines >appended 2>&1 &
    local primary=$! status=0
    exec 5>lines
    seq 500 >&5
    wait_for '[ "$(records team/app)" = 500 ]' 60
    pmemckpt-ctl take-over team/app
    echo "too late" >&5
    exec 5>&-
    wait $primary || status=$?
    [ $status = 8 ] || fail "who was fenced ended with status $status: $(cat appended)"
    pmemckpt-ctl read-log team/app >log
    seq 500 | cmp - log
    unmount_ckpt
    sha256sum <state.3 >/vm/sum
    sync -f /vm/sum
    echo "all of it is there"
    sleep 1000 # till the reset
}

find_it_again() {
    pmemckpt-ctl check "$DAX_DEVICE"
    served_over_verbs
    pmemckpt-ctl restore team/app | sha256sum | cmp - /vm/sum
    pmemckpt-ctl read-log team/app >log
    seq 500 | cmp - log
    [ "$(pmemckpt-ctl list team/app --json | jq -c '[.[].number]')" = "[1,2,3]" ] || fail "$(pmemckpt-ctl list team/app)"
    pmemckpt-ctl save team/app log
    [ "$(pmemckpt-ctl list team/app --json | jq '.[-1] | .number == 4 and .epoch == 2')" = true ] ||
        fail "$(pmemckpt-ctl list team/app)"
}

case ${1:-} in
save_and_take_over | find_it_again)
    export PMEMCKPT_KEY_DIR=/vm/keys
    "$1"
    exit
    ;;
esac

need_guests
in_guest() { # N DEVICE STEP
    start_guest "$1" --rdma "$2" --devdax --time-limit 240 --env TEST_TRANSPORT=verbs --env TEST_HOST=10.0.0.1 \
        bash tests/vm/verbs_devdax.sh "$3"
}
NUMBER=0
for device in rxe siw; do
    NUMBER=$((NUMBER + 1))
    in_guest $NUMBER $device save_and_take_over
    wait_for_guest $NUMBER "all of it is there" 240
    reset_guest $NUMBER
    in_guest $NUMBER $device find_it_again
    expect_guest_status $NUMBER 0
    echo "$device: the pool was written, read and taken over, and outlived the reset"
done
