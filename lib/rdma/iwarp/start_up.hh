#pragma once
// What two ends agree on before the first FPDU.
#include <cstddef>
#include <string>

#include "lib/rdma/engine.hh"
#include "lib/rdma/iwarp/mpa.hh"

namespace pmemckpt::rdma::iwarp {

/// Reads outstanding at once towards a peer that negotiates nothing (MPA revision 1).
inline constexpr unsigned kReadsWithoutNegotiation = 1;

struct Agreement {
    bool crc = false;
    bool large_segments = false;
    bool peer_to_peer =
        false;  ///< the initiator sends an empty RDMA Write first, so that the responder may send
    unsigned inbound_reads = 0, outbound_reads = 0;  ///< at once
};

StartUp make_request(const EngineOptions& options);

struct Answer {
    StartUp reply;
    Agreement agreed;
    std::string refusal;  ///< a sentence, when the reply is a rejection
};
Answer answer_request(const StartUp& request, const EngineOptions& options);

/// ECONNREFUSED when it is a rejection; EPROTO when it asks for what can't be done here.
Result<Agreement> check_reply(const StartUp& request, const StartUp& reply, const EngineOptions& options);

}  // namespace pmemckpt::rdma::iwarp
