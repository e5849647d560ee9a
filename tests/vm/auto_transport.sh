#!/usr/bin/env bash
# time-limit: 600
# auto: over an RDMA device where it reaches the peer, over iWARP in user space where not; the manager serves both, at one port,
# and each says which it took and why.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"

# moved_over TRANSPORT: what the manager says of a session that a client with this transport has
moved_over() {
    mkfifo "lines.$1"
    pmemckpt-ctl append "team/$1" --lines --transport "$1" <"lines.$1" >appended 2>&1 &
    local client=$!
    exec 5>"lines.$1"
    echo "a record" >&5
    wait_for '[ -n "$(of_session)" ]' 60
    of_session
    exec 5>&-
    wait $client || fail "a client over $1: $(cat appended)"
    wait_for '[ -z "$(of_session)" ]' 60
}
of_session() { pmemckpt-ctl list --sessions --json --admin-socket "$ADMIN_SOCKET" | jq -r '.[].engine'; }

# A port that another manager has is in use, be it on any address; who is not let in hears of both ways.
what_is_refused() {
    local port=${PMEMCKPT_SERVER##*:} transport
    pmemckpt-ctl create-pool "$TEST_DIRECTORY/another" --size 64M >/dev/null
    for transport in verbs auto; do
        expect_status 4 pmemckptd --transport $transport --pool "$TEST_DIRECTORY/another" --listen "0.0.0.0:$port" --admin-socket "$TEST_DIRECTORY/other.sock"
        contains "$OUTPUT" "is in use: another program listens there"
    done
    expect_status 6 pmemckpt-ctl list --transport auto --server "$VM_ADDRESS:1"
    contains "$OUTPUT" "Connection refused"
    contains "$OUTPUT" "; and over RDMA: "
}
what_a_mount_says() {
    local transport said
    for transport in auto iwarp; do
        [ $transport = iwarp ] && said=iwarp || said=verbs
        mkdir "$TEST_DIRECTORY/ckpt.$transport"
        mount.pmemckpt "$PMEMCKPT_SERVER:/" "$TEST_DIRECTORY/ckpt.$transport" -o transport=$transport
        [ "$(jq -r .engine "$TEST_DIRECTORY/ckpt.$transport/.status")" = $said ] || fail "$(cat "$TEST_DIRECTORY/ckpt.$transport/.status")"
        umount "$TEST_DIRECTORY/ckpt.$transport"
    done
}

in_guest() { # DEVICE
    TEST_TRANSPORT=auto TEST_HOST=$VM_ADDRESS
    start_manager
    for region in auto iwarp; do pmemckpt-ctl create-region "team/$region" --transport auto; done >/dev/null
    local of_auto of_iwarp
    of_auto=$(moved_over auto)
    of_iwarp=$(moved_over iwarp)
    case $1 in
    rxe)
        contains "$(cat "$TEST_DIRECTORY/manager.log")" "transport verbs on $PMEMCKPT_SERVER, and iwarp for who has no RDMA device"
        [ "$of_auto $of_iwarp" = "verbs iwarp" ] || fail "over $of_auto and $of_iwarp"
        what_is_refused
        what_a_mount_says
        ;;
    siw)
        contains "$(cat "$TEST_DIRECTORY/manager.log")" "an iWARP device has that port"
        [ "$of_auto $of_iwarp" = "verbs verbs" ] || fail "over $of_auto and $of_iwarp" # as the manager sees it
        ;;
    none)
        contains "$(cat "$TEST_DIRECTORY/manager.log")" "transport iwarp: there is no RDMA device here"
        [ "$of_auto $of_iwarp" = "iwarp iwarp" ] || fail "over $of_auto and $of_iwarp"
        ;;
    esac
    stop_manager
    # What is forced never falls back.
    [ "$1" = none ] || return 0
    TEST_TRANSPORT=verbs
    expect_status 3 pmemckptd --transport verbs --pool "$TEST_DIRECTORY/pool" --listen 127.0.0.1:0
    contains "$OUTPUT" "there is no RDMA device here"
}

if [ "${1:-}" = in-the-guest ]; then
    in_guest "$2"
    exit
fi

need_guests
for device in rxe siw none; do
    run_guest 0 --rdma $device --time-limit 300 bash tests/vm/auto_transport.sh in-the-guest $device
    echo "$device: as it should be"
done
