// Work requests that a peer posts by hand, against a whole manager: what its windows do not have, or have no
// more. The device refuses it, not a byte of the pool moves, and the honest session goes on.
// TEST_TRANSPORT=verbs. time-limit: 240
#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "lib/base/handle.hh"
#include "lib/rdma/verbs/engine.hh"
#include "tests/support/manager_fixture.hh"
#include "tests/support/raw_peer.hh"

using namespace pmemckpt;
using test::Bytes;
using test::RawClient;
using test::RawPeer;

namespace {

constexpr std::uint64_t kPool = 32 * kMiB, kPage = 2 * kMiB;
constexpr std::uint64_t kSize = kPage + 123;  // two pages, the last not full
constexpr const char* kRegion = "team/app";

/// A pool's file as it is at any moment, each byte of it.
class PoolBytes {
public:
    explicit PoolBytes(const std::string& path) {
        const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        void* const memory = ::mmap(nullptr, kPool, PROT_READ, MAP_SHARED, file.get(), 0);
        CHECK(memory != MAP_FAILED);
        bytes_ = {static_cast<const std::byte*>(memory), kPool};
    }
    PoolBytes(const PoolBytes&) = delete;
    PoolBytes& operator=(const PoolBytes&) = delete;
    ~PoolBytes() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

    Bytes copy() const { return {bytes_.begin(), bytes_.end()}; }
    bool are(const Bytes& other) const { return std::memcmp(bytes_.data(), other.data(), kPool) == 0; }

private:
    std::span<const std::byte> bytes_;
};

wire::Begun begin(test::Talker& talker) {
    return test::ok(talker.ask<wire::Begun>(wire::Begin{kRegion, kSize}));
}
wire::Generation seal(test::Talker& talker, const wire::Begun& draft) {
    return test::ok(talker.ask<wire::Generation>(wire::Seal{draft.draft_id, kSize, 0, 0}));
}
wire::OpenedGeneration open_newest(test::Talker& talker) {
    return test::ok(talker.ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0}));
}

/// A manager with a generation of the honest client's, who has a draft that he is writing, and one open.
class Scene : public test::ManagerFixture {
public:
    Scene() : ManagerFixture(kPool), pool(config.pools[0].path) {
        start();
        honest = open("bob");
        test::ok(honest->ask<wire::Region>(wire::CreateRegion{kRegion, 2, 0, 1}));
        save(begin(*honest));
        draft = begin(*honest);
        opened = open_newest(*honest);
    }
    std::unique_ptr<RawPeer> attacker() {
        auto peer = std::make_unique<RawPeer>(address());
        test::ok(peer->authenticate("alice", key("alice")));
        return peer;
    }
    /// `distance` from where the window begins.
    void refused(const std::string& what, RawPeer& peer, ibv_wr_opcode opcode, const wire::Window& window,
                 std::uint64_t distance, std::size_t bytes) {
        const auto before = pool.copy();
        peer.post_refused(opcode, bytes, window.key, window.base + distance);
        const char* const how = opcode == IBV_WR_RDMA_READ ? ", read" : ", written";
        if (!pool.are(before))
            test::fail_at(test::Place::current(), what + how + ": something has moved in the pool");
        if (!peer.is_untouched())
            test::fail_at(test::Place::current(), what + how + ": something has come from the pool");
    }
    void honest_goes_on() {
        CHECK(test::ok(honest->read(opened.window, 0, kSize)) == content);
        save(draft);
        CHECK(test::ok(honest->read(open_newest(*honest).window, 0, kSize)) == content);
    }

    const PoolBytes pool;
    std::shared_ptr<RawClient> honest;
    wire::Begun draft;
    wire::OpenedGeneration opened;
    Bytes content;

private:
    void save(const wire::Begun& to) {
        content = test::random_bytes(kSize);
        test::ok(honest->write(to.window, 0, content));
        seal(*honest, to);
    }
};

constexpr ibv_wr_opcode kBoth[] = {IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ};

/// Of a peer just connected: one that the operation may be used in.
wire::Window own_window(RawPeer& peer, ibv_wr_opcode opcode) {
    return opcode == IBV_WR_RDMA_READ ? open_newest(peer).window : begin(peer).window;
}

void places_outside() {
    Scene scene;
    struct Miss {
        const char* what;
        std::uint64_t distance;
        std::size_t bytes;
    };
    for (const auto& [what, distance, bytes] : {Miss{"the byte before", UINT64_MAX, 1},
                                                {"from before it into it", UINT64_MAX - 6, 8},
                                                {"the byte behind", kSize, 1},
                                                {"over the end", kSize - 7, 8},
                                                {"the next page", 2 * kPage, 8},
                                                {"far away", 1ULL << 40, 8}})
        for (const auto opcode : kBoth) {
            const auto peer = scene.attacker();
            scene.refused(what, *peer, opcode, own_window(*peer, opcode), distance, bytes);
        }
    for (const auto opcode : kBoth) {
        const auto peer = scene.attacker();
        const auto window = own_window(*peer, opcode);
        scene.refused("over the end of addresses", *peer, opcode, window, UINT64_MAX - 3 - window.base, 8);
    }
    scene.honest_goes_on();
}

/// Keys of devices are near each other, and no secret.
void keys_that_are_not_his() {
    Scene scene;
    for (const auto opcode : kBoth) {
        const bool reads = opcode == IBV_WR_RDMA_READ;
        const auto peer = scene.attacker();
        scene.refused("another session's key", *peer, opcode,
                      reads ? scene.opened.window : scene.draft.window, 0, 8);
        auto none = own_window(*scene.attacker(), opcode);
        none.key = 0;
        scene.refused("key 0", *scene.attacker(), opcode, none, 0, 8);
        for (const std::uint32_t distance : {1U, 2U, 0x100U, 0x200U, 0xffffff00U, 0xffffffffU}) {
            const auto guesser = scene.attacker();
            auto window = own_window(*guesser, opcode);
            window.key += distance;
            scene.refused("a key beside his own", *guesser, opcode, window, 0, 8);
        }
    }
    scene.honest_goes_on();
}

void rights_that_were_not_given() {
    Scene scene;
    const auto writer = scene.attacker();
    scene.refused("a window for reading", *writer, IBV_WR_RDMA_WRITE, open_newest(*writer).window, 0, 8);
    if (!test::over_siw()) {  // it lets a peer read what he may write: blank, or his own
        const auto reader = scene.attacker();
        scene.refused("a window for writing", *reader, IBV_WR_RDMA_READ, begin(*reader).window, 0, 8);
    }
    scene.honest_goes_on();
}

void keys_that_have_died() {
    Scene scene;
    const auto sealer = scene.attacker();
    const auto sealed = begin(*sealer);
    seal(*sealer, sealed);
    scene.refused("sealed", *sealer, IBV_WR_RDMA_WRITE, sealed.window, 0, RawPeer::kMemory);

    const auto aborter = scene.attacker();
    const auto aborted = begin(*aborter);
    test::ok(aborter->ask<wire::Empty>(wire::Abort{aborted.draft_id}));
    scene.refused("aborted", *aborter, IBV_WR_RDMA_WRITE, aborted.window, 0, RawPeer::kMemory);

    const auto closer = scene.attacker();
    const auto closed = open_newest(*closer);
    test::ok(closer->ask<wire::Empty>(wire::CloseGeneration{closed.handle}));
    scene.refused("closed", *closer, IBV_WR_RDMA_READ, closed.window, 0, RawPeer::kMemory);

    // A new one of his own does not bring the old one back.
    const auto again = scene.attacker();
    const auto old = begin(*again);
    seal(*again, old);
    begin(*again);
    scene.refused("sealed, and begun again", *again, IBV_WR_RDMA_WRITE, old.window, 0, RawPeer::kMemory);
    scene.honest_goes_on();
}

/// Fenced with a draft; and with his writes on the way while he is fenced.
void after_a_takeover() {
    Scene scene;
    const auto fenced = scene.attacker();
    const auto old = begin(*fenced);
    const auto busy = scene.attacker();
    const auto target = begin(*busy);
    for (int i = 0; i < 32; ++i)
        busy->post(IBV_WR_RDMA_WRITE, RawPeer::kMemory, target.window.key,
                   target.window.base + static_cast<std::uint64_t>(i % 8) * RawPeer::kMemory);
    const auto taken = test::ok(scene.honest->ask<wire::TakenOver>(wire::TakeOver{kRegion, {}}));
    test::equal(taken.region.epoch, taken.previous_epoch + 1);
    const auto then = scene.pool.copy();
    scene.refused("fenced", *fenced, IBV_WR_RDMA_WRITE, old.window, 0, RawPeer::kMemory);
    std::this_thread::sleep_for(std::chrono::seconds(1));  // whatever is still on the way has come
    CHECK(scene.pool.are(then));
    scene.draft = begin(*scene.honest);  // those of before are of the old epoch
    scene.honest_goes_on();
}

void a_device() {
    if (!test::over_device() || rdma::verbs::devices().empty())
        test::skip("there is no RDMA device to be attacked over");
}

}  // namespace

int main() {
    if (!test::over_device())
        return test::run("verbs_attacks", {{"a device", a_device}});
    return test::run("verbs_attacks", {{"a device", a_device},
                                       {"places outside", places_outside},
                                       {"keys that are not his", keys_that_are_not_his},
                                       {"rights that were not given", rights_that_were_not_given},
                                       {"keys that have died", keys_that_have_died},
                                       {"after a takeover", after_a_takeover}});
}
