#!/usr/bin/env bash
# time-limit: 180
# not over devices: it looks at what the iWARP engine counts, and at its bytes on TCP
# Claims 1, 10, 26, 32, 33, 34, 35: state is put into the memory by RDMA Write and got from it by RDMA Read, and not a byte
# of it goes through the messages between program and manager: by what the manager counts, and on the wire.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
start_manager
head -c 9000000 /dev/urandom >state
head -c 7000000 /dev/urandom >new

# What a session has moved by tagged operations: a set, to the byte.
mkfifo pipe
pmemckpt-ctl create-region team/app --keep 1 >/dev/null
let_spare team/app read
pmemckpt-ctl save team/app --size 9000000 pipe >/dev/null &
PRIMARY=$!
started $PRIMARY
exec 6>pipe
head -c 8999999 state >&6
wait_for '[ "$(of_sessions tester bytes_received)" -gt 0 ]'
wait_for '[ "$(of_sessions tester windows)" = 1 ]'
[ "$(of_sessions tester bytes_sent)" = 0 ] || fail "a primary that saves has read $(of_sessions tester bytes_sent) bytes"
tail -c 1 state >&6
exec 6>&-
ended $PRIMARY
[ $STATUS = 0 ] || fail "save ended with $STATUS"
mkfifo out
pmemckpt-ctl --principal spare restore team/app --exact --to out >/dev/null &
BACKUP=$!
started $BACKUP
exec 7<out
wait_for '[ "$(of_sessions spare bytes_sent)" = 9000000 ]'
[ "$(of_sessions spare bytes_received)" = 0 ] || fail "a backup that reads has written"
cat <&7 | cmp - state
exec 7<&-
ended $BACKUP
[ $STATUS = 0 ] || fail "restore ended with $STATUS"

# On the wire: the state's bytes are in RDMA Writes and Read Responses, and never in a Send.
leave_out() {
    echo "SKIP: the wire is not looked at: $*"
    exit 0
}
command -v tshark >/dev/null || leave_out "tshark is not installed (apt-get install tshark)"
command -v dumpcap >/dev/null || leave_out "dumpcap is not installed (apt-get install wireshark-common)"
dumpcap -i lo -a duration:1 -w probe.pcapng >/dev/null 2>&1 || leave_out "no permission to capture on lo"
PORT=${PMEMCKPT_SERVER##*:}
dumpcap -q -B 128 -i lo -f "tcp port $PORT" -w wire.pcapng >dumpcap.log 2>&1 &
CAPTURE=$!
started $CAPTURE
wait_for '[ -s wire.pcapng ]'
pmemckpt-ctl save team/app new >/dev/null # overwrites
pmemckpt-ctl append team/app <state >/dev/null
pmemckpt-ctl --principal spare restore team/app --exact --to back >/dev/null
pmemckpt-ctl --principal spare read-log team/app | cmp - state
cmp back new
wait_for '[ "$(tshark -n -r wire.pcapng -Y tcp.flags.fin==1 2>/dev/null | wc -l)" -ge 8 ]' 60
kill -INT $CAPTURE
wait $CAPTURE || true
grep -q "lo.: [0-9]*/0 " dumpcap.log || leave_out "the capture lost packets: $(tail -n 1 dumpcap.log)"

# of_opcode CODE: bytes of all FPDUs of this kind, with their headers
tshark -n -r wire.pcapng -o tcp.reassemble_out_of_order:true --disable-protocol rpcordma -Y iwarp_ddp -T fields -E separator=';' -e iwarp_rdma.opcode \
    -e iwarp_mpa.ulpdulength >fpdus 2>tshark.log || fail "tshark: $(cat tshark.log)"
of_opcode() {
    awk -F';' -v wanted="$1" '{ n = split($1, codes, ","); split($2, lengths, ",")
        for (i = 1; i <= n; i++) if (codes[i] == wanted) sum += lengths[i] } END { print sum + 0 }' fpdus
}
WRITTEN=$(of_opcode 0x00) REQUESTED=$(of_opcode 0x01) ANSWERED=$(of_opcode 0x02)
SAID=$(($(of_opcode 0x03) + $(of_opcode 0x04) + $(of_opcode 0x05) + $(of_opcode 0x06)))
[ "$WRITTEN" -ge $((7000000 + 9000000)) ] || fail "RDMA Writes have $WRITTEN bytes, less than was stored"
[ "$ANSWERED" -ge $((7000000 + 9000000)) ] || fail "Read Responses have $ANSWERED bytes, less than was read"
[ "$REQUESTED" -gt 0 ] || fail "no Read Request"
[ "$SAID" -gt 0 ] && [ "$SAID" -lt 100000 ] || fail "messages have $SAID bytes: more than talk about the state"
