#pragma once
// What one process of the pair is told when it starts.
#include <chrono>
#include <cstdint>
#include <string>

#include <pmemckpt/pmemckpt.hh>

namespace process_pair {

namespace ckpt = pmemckpt::api;

struct Member {
    std::string region = "example/bank";
    std::string listen = "127.0.0.1:0";
    std::string address_file;  // the address it got goes there
    std::string name = "member";
    std::uint32_t accounts = 1000;  // when the region is empty
    std::int64_t opening_balance = 1000;
    std::uint64_t seal_every = 10'000;  // transfers from one generation to the next
    /// A primary from which nothing comes for so long hangs.
    std::chrono::milliseconds heartbeat{1000};

    /// How often a primary that has nothing to do shows that it is alive.
    std::chrono::milliseconds alive_period() const { return heartbeat / 5; }
};

/// Runs one, first as the backup, then as the primary, until it is told to end. Throws ckpt::Error; ESTALE:
/// another one has taken over.
void serve(const Member& member);

}  // namespace process_pair
