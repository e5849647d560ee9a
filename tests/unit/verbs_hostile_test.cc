// A peer that posts work requests by hand: what our own engine never would, over a device.
// TEST_TRANSPORT=verbs. time-limit: 180
#include <cerrno>
#include <chrono>
#include <thread>

#include "lib/rdma/verbs/engine.hh"
#include "tests/support/raw_peer.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;
using rdma::Grant;

namespace {

constexpr std::size_t kPage = 4096, kPages = RawPeer::kMemory / kPage;

/// A listener with an honest session, and one of a peer by hand, who has a window.
class Scene {
public:
    Scene() {
        honest_ = ok(engine_->connect(server_.address(), honest_ear_, kConnectTimeout_ms));
        honest_end_ = server_.wait_accepted(0);
        honest_grant_ = granted(*honest_end_.connection, *honest_ear_, memory_.translation(), Access::both);
        raw.emplace(server_.address());
        end = server_.wait_accepted(1);
        grant = ok(end.connection->grant(theirs.translation(), Access::both));
        std::this_thread::sleep_for(
            std::chrono::milliseconds(100));  // it is bound by then: nobody tells a raw peer
        theirs.fill(random_bytes(theirs.size()));
        content = theirs.content();
    }
    /// Into his window.
    void post(ibv_wr_opcode opcode, std::size_t bytes) { raw->post(opcode, bytes, grant.key, grant.base); }
    void honest_goes_on() {
        Bytes data = random_bytes(memory_.size());
        ok(honest_->write(ok(honest_->register_memory(data)), {{0}, {data.size()}}, honest_grant_, {0}, 1));
        ok(honest_->send(bytes_of("still here")));
        honest_end_.ear->wait_messages(1);
        CHECK(memory_.content() == data && memory_.guards_whole());
    }

private:
    Scattered memory_{4, kPage};
    Server server_{{}, host(), transport()};
    std::unique_ptr<rdma::Engine> engine_ = ok(rdma::make_engine(transport(), {}));
    std::shared_ptr<Ear> honest_ear_ = std::make_shared<Ear>();
    std::shared_ptr<rdma::Connection> honest_;
    Accepted honest_end_;
    Grant honest_grant_;

public:
    Scattered theirs{kPages, kPage};
    Bytes content;
    std::optional<RawPeer> raw;
    Accepted end;
    Grant grant;
};

void need_a_device() {
    if (transport() != "verbs" || rdma::verbs::devices().empty())
        skip("there is no RDMA device to be attacked over");
}
void need_no_iwarp(const char* why) {
    need_a_device();
    if (over_siw())
        skip(why);
}
constexpr const char* kNoOperation = "iWARP has no such operation";

/// It takes a receive buffer, and says the length of the write for that of a message.
void a_write_with_immediate_data() {
    need_no_iwarp(kNoOperation);
    Scene scene;
    scene.post(IBV_WR_RDMA_WRITE_WITH_IMM, scene.theirs.size());
    equal(scene.end.ear->wait_close().code, EPROTO);
    equal(scene.end.ear->message_count(), 0U);
    scene.honest_goes_on();
}

void a_message_that_is_too_long() {
    need_a_device();
    Scene scene;
    scene.raw->post(IBV_WR_SEND, rdma::kMaximumMessage + 1);
    scene.end.ear->wait_close();
    equal(scene.end.ear->message_count(), 0U);
    scene.honest_goes_on();
}

void atomics() {
    need_no_iwarp(kNoOperation);
    for (const auto opcode : {IBV_WR_ATOMIC_CMP_AND_SWP, IBV_WR_ATOMIC_FETCH_AND_ADD}) {
        Scene scene;
        scene.post(opcode, 8);
        CHECK(scene.raw->completion() != IBV_WC_SUCCESS);
        CHECK(scene.theirs.content() == scene.content);
        scene.honest_goes_on();
    }
}

/// Keys of devices are near each other: none but its own takes a peer anywhere.
void keys_beside_its_own() {
    need_a_device();
    for (const std::uint32_t distance : {1U, 2U, 0x100U, 0x200U, 0xffffff00U}) {
        Scene scene;
        scene.raw->post_refused(IBV_WR_RDMA_WRITE, 8, scene.grant.key + distance, scene.grant.base);
        CHECK(scene.theirs.content() == scene.content && scene.theirs.guards_whole());
        scene.honest_goes_on();
    }
}

void a_whole_write_and_one_byte_more() {
    need_a_device();
    Scene scene;
    scene.post(IBV_WR_RDMA_WRITE, scene.theirs.size());
    equal(static_cast<int>(scene.raw->completion()), static_cast<int>(IBV_WC_SUCCESS));
    eventually([&] { return scene.theirs.content() == Bytes(scene.theirs.size(), RawPeer::kPoison); });
    scene.theirs.fill(scene.content);
    scene.raw->post_refused(IBV_WR_RDMA_WRITE, scene.theirs.size(), scene.grant.key, scene.grant.base + 1);
    CHECK(scene.theirs.guards_whole());
    scene.honest_goes_on();
}

void more_messages_than_buffers() {
    need_no_iwarp("iWARP ends a connection that finds no buffer");
    Scene scene;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        scene.raw->post(IBV_WR_SEND, rdma::kMaximumMessage);
        equal(static_cast<int>(scene.raw->completion()), static_cast<int>(IBV_WC_SUCCESS));
    }
    scene.end.ear->wait_messages(1000);
    scene.honest_goes_on();
}

void it_goes_in_the_middle() {
    need_a_device();
    Scene scene;
    for (std::uint32_t i = 0; i < 8; ++i)
        scene.post(IBV_WR_RDMA_WRITE, scene.theirs.size());
    scene.raw.reset();
    scene.end.ear->wait_close();
    CHECK(scene.theirs.guards_whole());
    scene.honest_goes_on();
}

}  // namespace

int main() {
    if (transport() != "verbs")
        return run("verbs_hostile", {{"a device", need_a_device}});
    return run("verbs_hostile", {{"a write with immediate data", a_write_with_immediate_data},
                                 {"a message that is too long", a_message_that_is_too_long},
                                 {"atomics", atomics},
                                 {"keys beside its own", keys_beside_its_own},
                                 {"a whole write, and one byte more", a_whole_write_and_one_byte_more},
                                 {"more messages than buffers", more_messages_than_buffers},
                                 {"it goes in the middle", it_goes_in_the_middle}});
}
