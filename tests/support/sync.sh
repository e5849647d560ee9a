# shellcheck shell=bash
# Sourced by tests of sync points, after environment.sh: programs on several systems, each with a state, that are told what to
# do. A test runs for each pair of systems, FIRST:OTHERS: of the first program, which is the coordinator, and of the others.
: "${SYSTEMS:=native:native s390x:native armhf:native native:s390x}"
SYNC_PROGRAM=tests/tools/sync_program
export PMEMCKPT_PRINCIPAL=tester
[ -f "$PMEMCKPT_KEY_DIR/tester.key" ] || pmemckpt-ctl create-key tester >/dev/null
declare -A TO FROM PID

# on SYSTEM: the command that runs a program there is in $RUN.
on() {
    case $1 in
    native) RUN=("$BUILD/$SYNC_PROGRAM") ;;
    region) RUN=("$BUILD/tests/tools/sync_region_program") ;; # native, with checkpoints in regions
    s390x) RUN=(qemu-s390x-static "$PROJECT/build-s390x/$SYNC_PROGRAM") ;;
    armhf) RUN=(qemu-arm-static "$PROJECT/build-armhf/$SYNC_PROGRAM") ;;
    esac
}

is_built() { on "$1" && [ -x "${RUN[-1]}" ] && command -v "${RUN[0]}" >/dev/null; }

# begin NAME SYSTEM ARGUMENTS: starts a program, whose first answer is in $ANSWER.
begin() {
    local name=$1 to from
    on "$2"
    shift 2
    rm -f "$name.to" "$name.from"
    mkfifo "$name.to" "$name.from"
    ( # who has a copy of another one's pipe keeps that one from its end
        for to in "${TO[@]}" "${FROM[@]}"; do exec {to}>&-; done
        exec "${RUN[@]}" "$@" <"$name.to" >"$name.from" 2>"$name.said"
    ) &
    PID[$name]=$!
    started "${PID[$name]}"
    exec {to}>"$name.to" {from}<"$name.from"
    TO[$name]=$to FROM[$name]=$from
    hear "$name"
}
hear() {
    IFS= read -r -t $((3 * WAIT_LIMIT_S)) ANSWER <&"${FROM[$1]}" || fail "$1 did not answer: $(cat "$1.said")"
}
# tell NAME COMMAND: its answer must be "ok ...", and what follows it is in $ANSWER.
tell() {
    ask "$@"
    case $ANSWER in ok*) ANSWER=${ANSWER#ok} && ANSWER=${ANSWER# } ;; *) fail "$1 was told \"${*:2}\" and said: $ANSWER" ;; esac
}
# ask NAME COMMAND: its answer, whatever it is.
ask() {
    echo "${*:2}" >&"${TO[$1]}"
    hear "$1"
}
# finish NAME [SIGNAL]: it is told to end, or killed.
finish() {
    [ -z "${2:-}" ] || kill -"$2" "${PID[$1]}" 2>/dev/null || true
    local to=${TO[$1]} from=${FROM[$1]}
    exec {to}>&- {from}<&-
    wait "${PID[$1]}" 2>/dev/null || true
}
# shows NAME TEXT: what the program's state is.
shows() {
    tell "$1" show
    [ "${ANSWER% * *}" = "$2" ] || fail "the state of $1 is \"$ANSWER\", and should be \"$2\""
}

# begin_participant NAME FILE|DIRECTORY/: its address is in ${ADDRESS[NAME]}, and stays when it is started anew.
declare -A ADDRESS
begin_participant() {
    begin "$1" "$OTHERS" participate "$2" "${ADDRESS[$1]:-127.0.0.1:0}"
    case $ANSWER in "ok "*) ADDRESS[$1]=${ANSWER#ok } ;; *) fail "$1 did not start: $ANSWER" ;; esac
}
# begin_filed NAME DIRECTORY [OPTIONS]: a file service, which is always native; its address as above.
begin_filed() {
    local name=$1 directory=$2
    shift 2
    rm -f "$name.address"
    pmemckpt-filed "$directory" --listen "${ADDRESS[$name]:-127.0.0.1:0}" --address-file "$name.address" "$@" >"$name.said" 2>&1 &
    PID[$name]=$!
    started "${PID[$name]}"
    wait_for '[ -s "$name.address" ] || ! running "${PID[$name]}"'
    [ -s "$name.address" ] || fail "$name did not start: $(cat "$name.said")"
    ADDRESS[$name]=$(cat "$name.address")
}
# end_filed NAME [SIGNAL]
end_filed() {
    kill -"${2:-TERM}" "${PID[$1]}"
    wait "${PID[$1]}" 2>/dev/null || true
}

# begin_first NAME...: the first program, with these participants.
begin_first() {
    local name addresses=()
    for name in "$@"; do addresses+=("${ADDRESS[$name]}"); done
    begin first "$FIRST" coordinate batch "${addresses[@]}"
    [ "${ANSWER% }" = ok ] || fail "the first program did not start: $ANSWER"
}

# on_all_systems FUNCTION: for each pair, in a folder of its own.
on_all_systems() {
    local pair
    for pair in $SYSTEMS; do
        FIRST=${pair%:*} OTHERS=${pair#*:}
        if ! is_built "$FIRST" || ! is_built "$OTHERS"; then
            [ -z "${NO_SKIP:-}" ] || fail "the programs for $pair are not built: make check does it"
            echo "SKIP: on $pair: the programs are not built: make check does it where it has a compiler, tests/cross/prepare"
            continue
        fi
        mkdir "$pair"
        cd "$pair" || exit
        "$1"
        cd .. || exit
        ADDRESS=()
        echo "on $pair: passed"
    done
}
