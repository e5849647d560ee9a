#include "lib/rdma/iwarp/start_up.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::rdma::iwarp {

namespace {

constexpr std::uint8_t kPlainRevision = 1, kEnhancedRevision = 2;

std::uint16_t own_depth(const EngineOptions& options) {
    return static_cast<std::uint16_t>(std::min<unsigned>(options.outstanding_reads, kMaximumNegotiable));
}

std::string why_refused(const StartUp& request) {
    if (request.revision != kPlainRevision && request.revision != kEnhancedRevision)
        return fmt::format("it uses revision {} of MPA; known here are 1 and 2", request.revision);
    if (request.markers)
        return "it wants MPA markers, which are not sent here";
    if (request.has_enhanced && request.enhanced.peer_to_peer && !request.enhanced.write_rtr &&
        !request.enhanced.read_rtr)
        return "it wants to begin peer to peer, with neither an RDMA Write nor a Read, which are known here";
    return {};
}

Enhanced answer_enhanced(const Enhanced& request, std::uint16_t depth) {
    Enhanced reply;
    reply.ird = depth;
    reply.ord = std::min(depth, request.ird);
    reply.peer_to_peer = request.peer_to_peer;
    reply.write_rtr = request.peer_to_peer && request.write_rtr;
    reply.read_rtr = request.peer_to_peer && !reply.write_rtr;
    return reply;
}

}  // namespace

StartUp make_request(const EngineOptions& options) {
    StartUp request;
    request.kind = Greeting::request;
    request.crc = options.crc;
    request.large_segments = true;
    request.revision = kEnhancedRevision;
    request.has_enhanced = true;
    request.enhanced.peer_to_peer = true;
    request.enhanced.write_rtr = true;
    request.enhanced.ird = request.enhanced.ord = own_depth(options);
    return request;
}

Answer answer_request(const StartUp& request, const EngineOptions& options) {
    Answer answer;
    answer.refusal = why_refused(request);
    answer.reply.kind = Greeting::reply;
    answer.reply.reject = !answer.refusal.empty();
    answer.reply.revision = std::clamp(request.revision, kPlainRevision, kEnhancedRevision);
    answer.reply.crc = request.crc || options.crc;
    answer.reply.large_segments = request.large_segments;
    answer.reply.has_enhanced = request.has_enhanced;
    const std::uint16_t depth = own_depth(options);
    Agreement& agreed = answer.agreed;
    agreed = {answer.reply.crc, request.large_segments, false, depth, kReadsWithoutNegotiation};
    if (request.has_enhanced) {
        answer.reply.enhanced = answer_enhanced(request.enhanced, depth);
        agreed.peer_to_peer = answer.reply.enhanced.peer_to_peer;
        agreed.outbound_reads = answer.reply.enhanced.ord;
    }
    return answer;
}

Result<Agreement> check_reply(const StartUp& request, const StartUp& reply, const EngineOptions& options) {
    if (reply.revision != kPlainRevision && reply.revision != kEnhancedRevision)
        return fail(EPROTO, "the peer answers in revision {} of MPA; known here are 1 and 2", reply.revision);
    if (reply.reject)
        return fail(ECONNREFUSED, "the peer rejects the connection");
    if (reply.markers)
        return fail(EPROTO, "the peer wants MPA markers, which are not sent here: switch them off there");
    const std::uint16_t depth = own_depth(options);
    Agreement agreed{reply.crc || request.crc, reply.large_segments, false, depth, kReadsWithoutNegotiation};
    if (!reply.has_enhanced)
        return agreed;
    const Enhanced& enhanced = reply.enhanced;
    if (enhanced.ord > depth && enhanced.ord <= kMaximumNegotiable)
        return fail(EPROTO, "the peer wants {} reads outstanding at once, {} are offered here", enhanced.ord,
                    depth);
    if (enhanced.peer_to_peer && !enhanced.write_rtr)
        return fail(EPROTO,
                    "the peer wants to begin with another message than the RDMA Write that was offered");
    agreed.peer_to_peer = enhanced.peer_to_peer;
    agreed.outbound_reads = std::min(depth, enhanced.ird);
    return agreed;
}

}  // namespace pmemckpt::rdma::iwarp
