#pragma once
// A region of alice's, and two that have no right to it yet.
#include <memory>
#include <string>

#include "tests/support/manager_fixture.hh"

namespace pmemckpt::test {

constexpr std::uint64_t kSize = 5 * kMiB + 123;  // three pages, the last not full
constexpr const char* kRegion = "team/app";

/// alice has kRegion, with nothing in it; bob has a session, and carol a key.
struct RightsFixture : ManagerFixture {
    explicit RightsFixture(driver::AccessConfig access = {}) {
        config.access = std::move(access);
        ok(store_key(config.key_dir, "carol", carols_key));
        start();
        alice = open("alice");
        ok(alice->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
        bob = open("bob");
    }
    void grant(const std::string& who, Rights rights) {
        ok(alice->ask<wire::Grant>(wire::GrantRights{kRegion, {who, rights.bits()}}));
    }
    void withdraw(const std::string& who, Rights rights) {
        ok(alice->ask<wire::Grant>(wire::WithdrawRights{kRegion, {who, rights.bits()}}));
    }
    bool has_windows() const { return ask_admin().find(R"("windows":[])") == std::string::npos; }
    const Key carols_key = Key::random();
    std::shared_ptr<RawClient> alice, bob;
};

inline wire::Begun begin(RawClient& client, std::uint64_t size = kSize) {
    return ok(client.ask<wire::Begun>(wire::Begin{kRegion, size}));
}
inline Result<wire::Generation> seal(RawClient& client, const wire::Begun& draft,
                                     std::uint64_t length = kSize) {
    return client.ask<wire::Generation>(wire::Seal{draft.draft_id, length, 0, 0});
}
inline wire::Window open_newest(RawClient& client) {
    return ok(client.ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0})).window;
}
inline Bytes newest(RawClient& client) {
    return ok(client.read(open_newest(client), 0, kSize));
}

}  // namespace pmemckpt::test
