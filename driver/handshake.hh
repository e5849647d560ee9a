#pragma once
// The manager's side of the handshake: a session is for one of its pools.
#include <memory>
#include <string>

#include "driver/served_pools.hh"
#include "lib/wire/server_handshake.hh"

namespace pmemckpt::driver {

/// Threads: one at a time.
class Handshake {
public:
    Handshake(const ServedPools& pools, std::string key_dir, std::uint64_t session_id)
        : pools_(pools), handshake_(wire::kPoolService, std::move(key_dir), session_id, [this](auto& name) {
              return find(name);
          }) {}
    Handshake(const Handshake&) = delete;
    Handshake& operator=(const Handshake&) = delete;

    /// As wire::ServerHandshake has it.
    Result<std::vector<std::byte>> take(const wire::Message& message, std::span<const std::byte> whole) {
        return handshake_.take(message, whole);
    }
    bool done() const { return handshake_.done(); }
    Status recheck() { return handshake_.recheck(); }
    const std::string& principal() const { return handshake_.principal(); }
    const std::shared_ptr<ServedPool>& pool() const { return pool_; }

private:
    Result<wire::ServerHandshake::Served> find(const std::string& name);

    const ServedPools& pools_;
    std::shared_ptr<ServedPool> pool_;
    wire::ServerHandshake handshake_;
};

/// "pmemckptd VERSION"
std::string manager_name();

}  // namespace pmemckpt::driver
