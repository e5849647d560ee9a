#pragma once
// The connections of the service's clients: lines in, lines out; and the signals that end the process.
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "utils/examples/process_pair/sockets.hh"

namespace process_pair {

struct Request {
    std::uint64_t connection = 0;
    std::string line;
};

/// Threads: one, but for wake(). Made before any other thread is: SIGTERM and SIGINT go to it from then on.
class Service {
public:
    explicit Service(const Address& address);

    /// What was asked meanwhile; nothing when the time is over, or somebody woke it.
    std::vector<Request> wait(std::chrono::milliseconds timeout);
    /// Who is gone, or takes nothing, is forgotten.
    void answer(std::uint64_t connection, const std::string& line);
    /// From any thread.
    void wake() const;

    bool is_told_to_end() const { return told_to_end_; }
    const std::string& address() const { return address_; }

private:
    struct Connection {
        Descriptor socket;
        std::string in, out;
        bool ended = false;
    };

    void accept_all();
    void receive(std::uint64_t id, Connection& connection, std::vector<Request>& requests);
    void send_on(Connection& connection);

    std::string address_;
    Descriptor listening_, signals_, woken_;
    bool told_to_end_ = false;
    std::uint64_t last_connection_ = 0;
    std::map<std::uint64_t, Connection> connections_;
};

}  // namespace process_pair
