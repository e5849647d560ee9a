# shellcheck shell=bash
# Sourced by every shell test: its directory, its manager, its mount, and their end.
# Exit status 77 is a skip; the last line printed then is the reason.
set -eu
PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${BUILD:=$PROJECT/build}"
[ "${BUILD#/}" != "$BUILD" ] || BUILD=$PROJECT/$BUILD
OWN_DIRECTORY=
if [ -z "${TEST_DIRECTORY:-}" ]; then # not started by tests/run
    TEST_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/pmemckpt-test.XXXXXX")
    OWN_DIRECTORY=$TEST_DIRECTORY
fi
export PROJECT BUILD TEST_DIRECTORY
export TMPDIR=$TEST_DIRECTORY
export PATH=$BUILD/bin:$BUILD/examples:$PATH
export PMEMCKPT_KEY_DIR=$TEST_DIRECTORY/keys
unset PMEMCKPT_SERVER PMEMCKPT_POOL PMEMCKPT_PRINCIPAL
# The engine that is tested, of the manager and of all clients, and an address that its device has.
: "${TEST_HOST:=127.0.0.1}"
export PMEMCKPT_TRANSPORT=${TEST_TRANSPORT:-iwarp}
export DEMO_HOST=$TEST_HOST DEMO_TRANSPORT=$PMEMCKPT_TRANSPORT
ADMIN_SOCKET=$TEST_DIRECTORY/admin.sock
CKPT=$TEST_DIRECTORY/ckpt
MANAGER_PID=
STARTED_PIDS=()
# Sanitized and instrumented programs take longer to do the same.
WAIT_LIMIT_S=$((10 * ${TIME_LIMIT_FACTOR:-1}))
cd "$TEST_DIRECTORY"

fail() {
    echo "FAILED at line ${BASH_LINENO[0]} of ${BASH_SOURCE[1]##*/}: $*"
    exit 1
}

skip() {
    echo "$*"
    exit 77
}

# expect_status N command...: its output is in $OUTPUT, both streams.
expect_status() {
    local wanted=$1 got=0
    shift
    OUTPUT=$("$@" 2>&1 </dev/null) || got=$?
    [ "$got" = "$wanted" ] || {
        echo "FAILED at line ${BASH_LINENO[0]}: exit status $got, wanted $wanted: $*"
        echo "$OUTPUT"
        exit 1
    }
}

# contains TEXT PART
contains() {
    case $1 in
    *"$2"*) ;;
    *)
        echo "FAILED at line ${BASH_LINENO[0]}: \"$2\" is not in: $1"
        exit 1
        ;;
    esac
}

# wait_for 'shell condition' [seconds]
wait_for() {
    # Looks count as well: a guest that its host lets wait finds its time over when it goes on.
    local end=$((SECONDS + ${2:-$WAIT_LIMIT_S})) looks=0
    until eval "$1"; do
        [ $SECONDS -le $end ] || [ $((++looks)) -lt 100 ] || {
            echo "FAILED at line ${BASH_LINENO[0]}: it did not come true in time: $1"
            [ ! -f "$TEST_DIRECTORY/manager.log" ] || tail -n 5 "$TEST_DIRECTORY/manager.log"
            exit 1
        }
        sleep 0.02
    done
}

# A process started in the background by the test, to be ended with it.
started() { STARTED_PIDS+=("$1"); }

running() { [ -n "$1" ] && [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

make_pool() {
    [ -f "$PMEMCKPT_KEY_DIR/tester.key" ] || pmemckpt-ctl create-key tester >/dev/null
    [ -f "$TEST_DIRECTORY/pool" ] || pmemckpt-ctl create-pool "$TEST_DIRECTORY/pool" --size "${1:-64M}" >/dev/null
}

# start_manager [options]: with --pool among them, that one instead of $TEST_DIRECTORY/pool.
start_manager() {
    local pool=(--pool "$TEST_DIRECTORY/pool")
    case " $* " in *" --pool "*) pool=() ;; *) make_pool ;; esac
    [ -f "$PMEMCKPT_KEY_DIR/tester.key" ] || pmemckpt-ctl create-key tester >/dev/null
    rm -f "$TEST_DIRECTORY/addresses"
    pmemckptd --listen "$TEST_HOST:${MANAGER_PORT:-0}" --transport "${TEST_TRANSPORT:-iwarp}" --admin-socket "$ADMIN_SOCKET" \
        --address-file "$TEST_DIRECTORY/addresses" "${pool[@]}" "$@" >>"$TEST_DIRECTORY/manager.log" 2>&1 &
    MANAGER_PID=$!
    started "$MANAGER_PID"
    wait_for '[ -s "$TEST_DIRECTORY/addresses" ] || ! running "$MANAGER_PID"' $((3 * WAIT_LIMIT_S))
    running "$MANAGER_PID" || {
        cat "$TEST_DIRECTORY/manager.log"
        fail "the manager did not start"
    }
    PMEMCKPT_SERVER=$(head -n 1 "$TEST_DIRECTORY/addresses")
    PMEMCKPT_PRINCIPAL=tester
    export PMEMCKPT_SERVER PMEMCKPT_PRINCIPAL
}

# stop_manager [SIGNAL]: waits for its end; its exit status is in $MANAGER_STATUS.
stop_manager() {
    MANAGER_STATUS=0
    kill -"${1:-TERM}" "$MANAGER_PID"
    wait "$MANAGER_PID" || MANAGER_STATUS=$?
}

need_fuse() {
    [ -c /dev/fuse ] || skip "there is no /dev/fuse here"
    [ "$(id -u)" = 0 ] || command -v fusermount3 >/dev/null || skip "neither root nor fusermount3"
}

# mount_ckpt [mount options]: $CKPT
mount_ckpt() {
    need_fuse
    mkdir -p "$CKPT"
    mount.pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT" "$@"
}

mounted() { grep -q " ${1:-$CKPT} fuse" /proc/self/mounts; }

unmount_ckpt() {
    umount "${1:-$CKPT}" 2>/dev/null || fusermount3 -u "${1:-$CKPT}"
}

# Ends everything that carries this test's directory in its environment, by pid.
end_started() {
    local pid place
    grep " $TEST_DIRECTORY/" /proc/self/mountinfo 2>/dev/null | awk '{print $5}' | sort -r |
        while read -r place; do umount -l "$place" 2>/dev/null || fusermount3 -uz "$place" 2>/dev/null || true; done
    for pid in "${STARTED_PIDS[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    for pid in "${STARTED_PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
}

# A call to the system that a program of ours makes, and that is not in its list (lib/confine/call_rules.cc).
refused_calls() { grep -hs 'system call .* is refused' "$TEST_DIRECTORY"/*.log "$TEST_DIRECTORY"/error | sort -u; }

at_exit() {
    local status=$?
    set +e
    end_started
    if [ $status -eq 0 ] && [ -n "$(refused_calls)" ]; then
        refused_calls
        status=1
    fi
    if [ $status -ne 0 ] && [ $status -ne 77 ]; then
        if [ -f "$TEST_DIRECTORY/manager.log" ]; then
            echo "-- the manager's last lines:"
            tail -n 15 "$TEST_DIRECTORY/manager.log"
        fi
    fi
    [ -z "$OWN_DIRECTORY" ] || { cd / && rm -rf "$OWN_DIRECTORY"; }
    exit $status
}
trap at_exit EXIT
trap 'exit 130' INT TERM
