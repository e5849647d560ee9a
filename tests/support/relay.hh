#pragma once
// TCP connections to a server that go through here, till they hang: then nobody hears of the other end any
// more, and nobody is told.
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/handle.hh"

namespace pmemckpt::test {

class Relay {
public:
    explicit Relay(const Address& server);
    const Address& address() const { return address_; }
    void hang() { hangs_ = true; }

private:
    using Ends = std::array<FileDescriptor, 2>;

    void run(const std::stop_token& stop);
    void accept();

    const Address server_;
    FileDescriptor listening_;
    Address address_;
    std::atomic<bool> hangs_{false};
    std::vector<Ends> connections_;  // its thread's
    std::jthread thread_;
};

}  // namespace pmemckpt::test
