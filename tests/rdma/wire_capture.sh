#!/usr/bin/env bash
# time-limit: 180
# not over devices: it is about iWARP's bytes on TCP
# tshark decodes a whole conversation as MPA, DDP and RDMAP: no malformed frame, every CRC good, every opcode known.
. "$(dirname "$0")/../support/environment.sh"
command -v tshark >/dev/null || skip "tshark is not installed (apt-get install tshark)"
command -v dumpcap >/dev/null || skip "dumpcap is not installed (apt-get install wireshark-common)"
dumpcap -i lo -a duration:1 -w probe.pcapng >/dev/null 2>&1 || skip "no permission to capture on lo"

start_manager
PORT=${PMEMCKPT_SERVER##*:}
dumpcap -q -B 128 -i lo -f "tcp port $PORT" -w wire.pcapng >dumpcap.log 2>&1 &
CAPTURE=$!
started $CAPTURE
wait_for '[ -s wire.pcapng ]'

head -c 5000000 /dev/urandom >state
pmemckpt-ctl save team/app --create --from state >saved
pmemckpt-ctl restore team/app >back
cmp state back
pmemckpt-ctl list team/app >/dev/null
# The capture is behind the conversation: wait until it has the end of the last connection, then end it.
wait_for '[ "$(tshark -n -r wire.pcapng -Y tcp.flags.fin==1 2>/dev/null | wc -l)" -ge 6 ]' 60
kill -INT $CAPTURE
wait $CAPTURE || true

grep -q "lo.: [0-9]*/0 " dumpcap.log || skip "the capture lost packets: $(tail -n 1 dumpcap.log)"
shark() { tshark -n -r wire.pcapng --disable-protocol rpcordma "$@" 2>tshark.log || fail "tshark: $(cat tshark.log)"; }
shark -Y '_ws.malformed || iwarp_mpa.bad_length' >malformed
[ ! -s malformed ] || fail "malformed frames: $(head -n 3 malformed)"
shark -V -Y iwarp_ddp >fpdus
! grep -q 'Bad CRC32\|incorrect' fpdus || fail "$(grep -c 'Bad CRC32\|incorrect' fpdus) FPDUs with a bad CRC"
[ "$(grep -c 'Good CRC32' fpdus)" -gt 100 ] || fail "only $(grep -c 'Good CRC32' fpdus) FPDUs with a good CRC"
shark -Y iwarp_mpa.req >requests
shark -Y iwarp_mpa.rep >replies
[ "$(wc -l <requests)" -ge 3 ] && [ "$(wc -l <replies)" -ge 3 ] || fail "an MPA start-up frame was not recognized"
shark -Y iwarp_ddp -T fields -e iwarp_rdma.opcode | tr ',' '\n' | sort -u >opcodes
for opcode in 0x00 0x01 0x02 0x03; do # Write, Read Request, Read Response, Send
    grep -qx $opcode opcodes || fail "no opcode $opcode among: $(tr '\n' ' ' <opcodes)"
done
