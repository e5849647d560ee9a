#pragma once
// What receiver and transmitter of a connection share.
#include <atomic>
#include <cstdint>

#include "lib/base/handle.hh"
#include "lib/rdma/iwarp/start_up.hh"
#include "lib/rdma/iwarp/terminate.hh"
#include "lib/rdma/iwarp/window_table.hh"

namespace pmemckpt::rdma::iwarp {

struct Counters {
    std::atomic<std::uint64_t> bytes_received{0}, bytes_sent{0}, refused{0};
};

struct Link {
    FileDescriptor socket;
    Agreement agreed;
    WindowTable windows;
    Counters counters;
    /// The responder keeps silent till the initiator's first FPDU is there (RFC 5044, section 7.1.2).
    bool may_send = false;
};

/// Why a stream ends here and now, and what the peer is to be told.
struct Stop {
    Error why;
    std::optional<Terminate> answer;
};

}  // namespace pmemckpt::rdma::iwarp
