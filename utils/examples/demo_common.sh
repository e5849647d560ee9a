# shellcheck shell=bash
# What the demos have in common. Sourced by each, from the project's folder, with its NAME.

# The demo runs in a shell of its own: by a SIGINT that comes in a command substitution, bash 5.2 ends with 2, since it can't parse
# the trap there. This one has none, and says how it ended. The terminal sends Ctrl-C to both.
if [ -z "${IN_DEMO:-}" ]; then
    ENDED_BY=0 CHILD=''
    trap 'ENDED_BY=130' INT
    trap 'ENDED_BY=143; [ -z "$CHILD" ] || kill "$CHILD"' TERM HUP
    IN_DEMO=1 env --default-signal=INT "utils/examples/${0##*/}" "$@" <&0 &
    CHILD=$!
    while :; do
        STATUS=0
        wait "$CHILD" || STATUS=$?
        kill -0 "$CHILD" 2>/dev/null || break
    done
    exit $((ENDED_BY ? ENDED_BY : STATUS))
fi
: "${BUILD:=build}"
[ "${BUILD#/}" != "$BUILD" ] || BUILD=$PWD/$BUILD
DEMO=${DEMO:-$BUILD/$NAME}
export PATH=$BUILD/bin:$BUILD/examples:$PATH
export PMEMCKPT_KEY_DIR=$DEMO/keys PMEMCKPT_PRINCIPAL=demo
# What sessions go over, and where: an address of this machine.
export PMEMCKPT_TRANSPORT=${DEMO_TRANSPORT:-auto}
DEMO_HOST=${DEMO_HOST:-127.0.0.1}
unset PMEMCKPT_POOL
MANAGER=''

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
    printf '$ %s\n' "$*"
    "$@"
}
die() {
    echo "$NAME: $*" >&2
    exit 1
}

running() { [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# end_pid SIGNAL PID: nothing when there is no PID. bash would say "Killed" as soon as it notices, so both are kept quiet.
end_pid() {
    [ -n "$2" ] || return 0
    { kill -"$1" "$2" && wait "$2"; } 2>/dev/null || true
}

# wait_until 'condition' WHAT PID: while that process lives, and within WAIT_S seconds where that is set.
wait_until() {
    local end=$((SECONDS + ${WAIT_S:-86400}))
    until eval "$1"; do
        running "$3" || { eval "$1" && return; tail -n 3 "$DEMO"/*.log >&2; die "it ended before $2"; }
        [ $SECONDS -le $end ] || { tail -n 3 "$DEMO"/*.log >&2; die "$2: not within $WAIT_S s"; }
        sleep 0.01
    done
}

# start_manager SIZE: a key, a pool and its manager, shown; MANAGER is its pid, PMEMCKPT_SERVER its address.
start_manager() {
    show pmemckpt-ctl create-key demo
    show pmemckpt-ctl create-pool "$DEMO/pool" --size "$1"
    echo "\$ pmemckptd --pool $DEMO/pool --listen $DEMO_HOST:0 &"
    pmemckptd --pool "$DEMO/pool" --listen "$DEMO_HOST:0" --transport "$PMEMCKPT_TRANSPORT" \
        --admin-socket "$DEMO/admin.sock" --address-file "$DEMO/address" 2>"$DEMO/manager.log" &
    MANAGER=$!
    wait_until '[ -s "$DEMO/address" ]' "the manager listened" "$MANAGER"
    PMEMCKPT_SERVER=$(head -n 1 "$DEMO/address")
    export PMEMCKPT_SERVER
}
