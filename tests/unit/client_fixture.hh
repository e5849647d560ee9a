#pragma once
// A manager in this process, with a pool and keys in the test's directory, and clients of it.
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "driver/manager.hh"
#include "lib/client/client.hh"
#include "lib/pool/pool.hh"
#include "lib/wire/handshake.hh"
#include "tests/support/check.hh"
#include "tests/support/manager_fixture.hh"
#include "tests/support/transport.hh"

namespace pmemckpt::test {

inline constexpr std::uint64_t kPoolBytes = 64 * kMiB;
inline constexpr std::uint64_t kPageBytes = 64 * kKiB;

/// What the environment of whoever runs the tests says must not matter.
inline void clear_environment() {
    for (const char* name :
         {"PMEMCKPT_SERVER", "PMEMCKPT_POOL", "PMEMCKPT_PRINCIPAL", "PMEMCKPT_KEY_DIR", "PMEMCKPT_TRANSPORT"})
        ::unsetenv(name);
}

class ManagerHere {
public:
    explicit ManagerHere(driver::Limits limits = {}, std::uint64_t pool_bytes = kPoolBytes)
        : limits_(limits) {
        key_dir_ = (directory() / "keys").string();
        const auto pool_key = Key::random();
        pool::CreateOptions options;
        options.path = pool_path();
        options.size = pool_bytes;
        options.page_size = kPageBytes;
        uuid_ = pool::to_string(ok(pool::Pool::create(options, pool_key)));
        ok(store_key(key_dir_, pool_key_name(uuid_), pool_key));
        ok(store_key(key_dir_, "alice", Key::random()));
        ok(store_key(key_dir_, "bob", Key::random()));
        start();
    }

    void start() {
        driver::Config config;
        config.pools = pools_before;
        config.pools.push_back({"first", pool_path()});
        config.listen = {Address{test::host(), port_}};
        config.transport = test::transport();
        config.key_dir = key_dir_;
        config.admin_socket = (directory() / "admin.sock").string();
        config.log_level = log::Level::error;
        config.access.administrators = administrators;
        config.limits = limits_;
        manager_ = ok(driver::Manager::start(config));
        port_ = manager_->addresses().at(0).port;
    }
    /// At once, as a kill does it for those who are connected.
    void end() { manager_.reset(); }

    client::Options options(const std::string& principal = "alice") const {
        client::Options options;
        options.server = format_address({test::host(), port_});
        options.principal = principal;
        options.key_dir = key_dir_;
        options.transport = test::transport();
        return options;
    }
    std::shared_ptr<client::Client> connect(const std::string& principal = "alice") const {
        return ok(client::Client::connect(options(principal)));
    }
    static std::string pool_path() { return (directory() / "pool").string(); }
    /// Bytes that the sessions of now have written through windows, all together.
    std::uint64_t bytes_received() const { return sum_of("bytes_received"); }
    /// The same of what they have read.
    std::uint64_t bytes_sent() const { return sum_of("bytes_sent"); }
    driver::Manager& manager() { return *manager_; }
    std::vector<std::string> administrators{"alice",
                                            "bob"};  // what they may do is no matter, unless a test says so
    std::vector<driver::PoolConfig> pools_before;    // served as well, in front of it, from the next start on
    const std::string& key_dir() const { return key_dir_; }
    const std::string& uuid() const { return uuid_; }

private:
    static std::uint64_t sum_of(const std::string& name) {
        const auto status = ask_unix((directory() / "admin.sock").string(), "{\"command\":\"status\"}\n");
        const std::string field = "\"" + name + "\":";
        std::uint64_t sum = 0;
        for (auto at = status.find(field); at != std::string::npos; at = status.find(field, at + 1))
            sum += std::strtoull(status.c_str() + at + field.size(), nullptr, 10);
        return sum;
    }
    driver::Limits limits_;
    std::string key_dir_, uuid_;
    std::uint16_t port_ = 0;
    std::unique_ptr<driver::Manager> manager_;
};

/// The content of a generation, read at once.
inline std::vector<std::byte> content(client::Client& client, const std::string& region,
                                      std::uint64_t number = 0) {
    const auto reader = ok(client.open(region, number));
    std::vector<std::byte> bytes(reader->generation().length);
    equal(ok(reader->read(0, bytes)), bytes.size());
    return bytes;
}

inline wire::Generation save(client::Client& client, const std::string& region,
                             std::span<const std::byte> bytes) {
    const auto writer = ok(client.begin(region, bytes.size()));
    ok(writer->write(0, bytes));
    return ok(writer->seal());
}

}  // namespace pmemckpt::test
