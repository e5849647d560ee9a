#pragma once
// A manager in the test's own process: on a free port, with a pool, a key for "alice" and one for "bob".
#include <memory>
#include <string>

#include "driver/manager.hh"
#include "tests/support/raw_client.hh"
#include "tests/support/transport.hh"

namespace pmemckpt::test {

/// A new pool file and its manager key.
std::string make_pool(const std::string& name, const std::string& key_dir, std::uint64_t size = 64 * kMiB);

class ManagerFixture {
public:
    /// Members of the configuration may be changed before start().
    explicit ManagerFixture(std::uint64_t pool_size = 64 * kMiB);

    void start();
    /// A session of that principal on an engine of the test's.
    std::shared_ptr<RawClient> open(const std::string& principal = "alice");
    std::shared_ptr<RawClient> connect();
    Address address() const { return manager->addresses().at(0); }
    Key key(const std::string& principal) const { return ok(load_key(config.key_dir, principal)); }
    /// What the admin socket answers to a line; sends the newline itself.
    std::string ask_admin(const std::string& line = R"({"command":"status"})") const;

    driver::Config config;
    std::unique_ptr<driver::Manager> manager;
    std::unique_ptr<rdma::Engine> engine;  // before the manager goes the clients' side ends
};

/// Connects to a Unix socket, sends, reads to the end.
std::string ask_unix(const std::string& path, const std::string& text);

}  // namespace pmemckpt::test
