# shellcheck shell=bash
# A primary and its backup, for tests of both; sourced behind environment.sh. The backup has a key of its own, "spare", so
# that its sessions can be told from those of the primary.
command -v jq >/dev/null || skip "jq is not installed"

free_pages() { pmemckpt-ctl list --pools --json | jq '.[0].free_pages'; }

# numbers REGION: of the generations that are kept, such as [1,2]
numbers() { pmemckpt-ctl list "$1" --json | jq -c '[.[].number]'; }

# records REGION: how many the log has
records() { pmemckpt-ctl list --json | jq --arg name "$1" '.[] | select(.name == $name) | .log.records // 0'; }

# generation REGION@N: what the manager says of it, without what time and pins change
generation() {
    pmemckpt-ctl list "${1%@*}" --json | jq -c --argjson number "${1##*@}" '.[] | select(.number == $number) | del(.pinned)'
}

# of_sessions PRINCIPAL FIELD: the sum over the sessions that this principal has now
of_sessions() {
    pmemckpt-ctl list --sessions --json --admin-socket "$ADMIN_SOCKET" |
        jq --arg who "$1" --arg field "$2" '[.[] | select(.principal == $who) | .[$field]] | add // 0'
}

# counts_bytes: whether the manager knows what its clients move; a device does not tell it.
counts_bytes() { [ "$PMEMCKPT_TRANSPORT" != verbs ]; }

# moved PRINCIPAL bytes_received|bytes_sent BYTES: so many at least; behind a device: it has had a window for a second.
moved() {
    if counts_bytes; then
        [ "$(of_sessions "$1" "$2")" -ge "$3" ]
    else
        [ "$(of_sessions "$1" windows)" -gt 0 ] && sleep 1
    fi
}

make_spare() { pmemckpt-ctl create-key spare >/dev/null; }
# let_spare REGION RIGHT...
let_spare() { pmemckpt-ctl grant "$1" spare "${@:2}" >/dev/null; }

# All of the pool's bytes: who has only read, or was refused, has changed none.
pool_digest() { sha256sum "$TEST_DIRECTORY/pool" | cut -d ' ' -f 1; }

# Sessions by hand: tests/tools/window_probe.cc
window_probe() { "$BUILD/tests/tools/window_probe" "$@"; }

# start_primary REGION: appends each line that tell_primary brings. Its pid is $PRIMARY, what it says is in primary.said.
start_primary() {
    rm -f primary.lines
    mkfifo primary.lines
    pmemckpt-ctl append "$1" --lines <primary.lines >primary.said 2>&1 &
    PRIMARY=$!
    started "$PRIMARY"
    exec 5>primary.lines
}

tell_primary() { printf '%s\n' "$@" >&5; }

# kill_primary: as a crash does it
kill_primary() {
    kill -KILL "$PRIMARY"
    exec 5>&-
    wait "$PRIMARY" 2>/dev/null || true
}

# stop PID: it does nothing any more when this returns
stop() {
    kill -STOP "$1"
    wait_for "grep -q '^State:.T' /proc/$1/status"
}

# ended PID: waits for its end; its exit status is in $STATUS
ended() {
    STATUS=0
    wait "$1" || STATUS=$?
}
