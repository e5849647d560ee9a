#pragma once
// What was posted and has not been answered: in the order of the posts.
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "lib/rdma/engine.hh"

namespace pmemckpt::rdma::iwarp {

/// The wire has 32 bits for it.
inline constexpr std::uint64_t kMaximumRead = UINT32_MAX;

struct Operation {
    enum class Kind : std::uint8_t { send, send_invalidate, write, read };

    Kind kind = Kind::send;
    std::vector<std::byte> message;       // send
    std::shared_ptr<Registration> owner;  // write, read: keeps the registration while the operation lives
    std::span<std::byte> local;
    Key key = 0;                      // the peer's window
    std::uint64_t remote_offset = 0;  // in it, as on the wire
    std::uint64_t tag = 0;
    std::uint64_t ticket = 0;  // write, read: its place in the completions
};

/// Completions come in the order of the posts, whatever the order in which operations end.
class Completions {
public:
    struct Done {
        std::uint64_t tag;
        Status status;
    };

    /// Returns the ticket to complete it with.
    std::uint64_t expect(std::uint64_t tag);
    void complete(std::uint64_t ticket);
    /// The next to report, if it is complete.
    std::optional<Done> next();
    /// The next, complete or not: then with this error.
    std::optional<Done> next_or(const Error& error);

private:
    struct Entry {
        std::uint64_t tag;
        bool done;
    };
    std::deque<Entry> entries_;
    std::uint64_t first_ = 0;  // ticket of the front
};

/// A Read whose Request is on its way: where the responses go.
struct OutstandingRead {
    Key sink = 0;
    std::span<std::byte> local;
    std::uint64_t received = 0;
    std::uint64_t ticket = 0;
    std::shared_ptr<Registration> owner;
};

}  // namespace pmemckpt::rdma::iwarp
