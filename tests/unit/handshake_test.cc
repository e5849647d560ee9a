// The manager's side of the handshake: both keys are proved, and nothing but the two proofs opens a session.
// not over devices: nobody is connected in it
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>

#include "driver/handshake.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using test::Bytes;

namespace {

constexpr std::uint64_t kSession = 7;

/// Two pools with their keys, one principal "alice".
struct House {
    House() {
        test::ok(store_key(keys, "alice", alice));
        for (const char* name : {"first", "second"})
            test::ok(pools.add(
                {test::ok(driver::open_pool({name, test::make_pool(name, keys, 16 * kMiB)}, keys))}));
    }
    driver::Handshake handshake() const { return {pools, keys, kSession}; }

    const std::string keys = (test::directory() / "keys").string();
    const Key alice = Key::random();
    driver::ServedPools pools;
};

Result<Bytes> say(driver::Handshake& handshake, const Bytes& message) {
    return handshake.take(test::ok(wire::parse_message(message)), message);
}

Bytes hello(const std::string& principal = "alice", const std::string& pool = {}) {
    wire::Hello hello;
    hello.nonce = wire::random_nonce();
    hello.principal = principal;
    hello.pool = pool;
    return wire::encode_request(1, hello);
}

Bytes proof(const wire::Mac& mac) {
    return wire::encode_request(2, wire::Proof{mac});
}

wire::Transcript transcript_of(const Bytes& hello, const Bytes& challenge) {
    wire::Transcript transcript;
    transcript.add(hello);
    transcript.add(challenge);
    return transcript;
}

template <class Body>
Body body_of(const Bytes& message) {
    return test::ok(wire::decode_body<Body>(test::ok(wire::parse_message(message)).body));
}

/// What a principal with this key gets for its proof.
Result<Bytes> authenticate(const House& house, const std::string& principal, const Key& key) {
    auto handshake = house.handshake();
    const auto first = hello(principal);
    const auto second = test::ok(say(handshake, first));
    auto answer = say(handshake, proof(transcript_of(first, second).client_mac(key)));
    CHECK(handshake.done() == answer.has_value());
    return answer;
}

void both_sides_prove_their_keys() {
    const House house;
    auto handshake = house.handshake();
    const auto first = hello("alice", "second");
    const auto second = test::ok(say(handshake, first));
    CHECK(!handshake.done());
    const auto challenge = body_of<wire::Challenge>(second);
    const auto pool = test::ok(house.pools.find("second"));
    CHECK(challenge.pool_uuid == pool->pool->uuid());
    CHECK(challenge.pool_key == public_key(pool->manager_key));

    const auto transcript = transcript_of(first, second);
    const auto mac = transcript.client_mac(house.alice);
    const auto welcome = body_of<wire::Welcome>(test::ok(say(handshake, proof(mac))));
    CHECK(handshake.done());
    test::equal(handshake.principal(), "alice");
    CHECK(handshake.pool() == pool);
    test::equal(welcome.session_id, kSession);
    test::equal(welcome.page_size, pool->pool->page_size());
    CHECK(wire::equal(welcome.mac, transcript.server_mac(house.alice, mac)));
    CHECK(transcript.verify(public_key(pool->manager_key), mac, welcome.signature));
    // Another pool's key has not signed, and not this for another proof.
    CHECK(!transcript.verify(public_key(test::ok(house.pools.find("first"))->manager_key), mac,
                             welcome.signature));
    CHECK(!transcript.verify(public_key(pool->manager_key), wire::Mac{}, welcome.signature));
}

void wrong_key_and_unknown_name_look_the_same() {
    const House house;
    test::ok(authenticate(house, "alice", house.alice));
    const auto wrong = test::error(authenticate(house, "alice", Key::random()), EKEYREJECTED);
    test::equal(wrong, "authentication of principal alice failed");
    const auto unknown = test::error(authenticate(house, "mallory", Key::random()), EKEYREJECTED);
    test::equal(unknown, "authentication of principal mallory failed");
}

void a_random_key_is_drawn_for_the_unknown() {
    const House house;
    // Neither an empty key nor anybody else's opens the door for a name that has none.
    test::error(authenticate(house, "mallory", Key()), EKEYREJECTED);
    test::error(authenticate(house, "mallory", house.alice), EKEYREJECTED);
}

void unsafe_keys_open_nothing() {
    const House house;
    ::chmod((house.keys + "/alice.key").c_str(), 0644);
    test::equal(test::error(authenticate(house, "alice", house.alice), EKEYREJECTED),
                "authentication of principal alice failed");
    ::chmod((house.keys + "/alice.key").c_str(), 0600);
    test::ok(authenticate(house, "alice", house.alice));
}

/// While it lives this process can open nothing.
class NoDescriptors {
public:
    NoDescriptors() {
        CHECK(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const rlimit none{0, before_.rlim_max};
        CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

void want_of_descriptors_is_no_wrong_key() {
    const House house;
    for (const char* name : {"alice", "mallory"}) {
        auto handshake = house.handshake();
        test::ok(say(handshake, hello(name)));
        const NoDescriptors none;
        test::contains(test::error(say(handshake, proof({})), EMFILE), "try again");
        CHECK(!handshake.done());
    }
    test::ok(authenticate(house, "alice", house.alice));
}

void keys_are_read_at_each_handshake() {
    const House house;
    const auto fresh = Key::random();
    test::ok(store_key(house.keys, "alice", fresh, true));
    test::error(authenticate(house, "alice", house.alice), EKEYREJECTED);
    test::ok(authenticate(house, "alice", fresh));
}

void names_that_are_no_principals() {
    const House house;
    for (const std::string& name : {std::string(), std::string("../keys/alice"), std::string(".alice"),
                                    std::string("a\nb"), std::string(300, 'x')})
        test::error(authenticate(house, name, house.alice), EKEYREJECTED);
    // The manager's key lies in the same directory and is nobody's, nor is the one that it is to be replaced
    // by.
    const auto uuid = pool::to_string(test::ok(house.pools.find("first"))->pool->uuid());
    test::ok(store_key(house.keys, next_pool_key_name(uuid), house.alice));
    for (const auto& name : {pool_key_name(uuid), next_pool_key_name(uuid)})
        test::error(authenticate(house, name, test::ok(load_key(house.keys, name))), EKEYREJECTED);
}

void replayed_proof_is_refused() {
    const House house;
    auto original = house.handshake();
    const auto first = hello();
    const auto second = test::ok(say(original, first));
    const auto third = proof(transcript_of(first, second).client_mac(house.alice));
    test::ok(say(original, third));

    auto replay = house.handshake();
    CHECK(test::ok(say(replay, first)) != second);
    test::error(say(replay, third), EKEYREJECTED);
    CHECK(!replay.done());
}

void reflected_mac_is_refused() {
    const House house;
    auto victim = house.handshake();
    const auto first = hello();
    const auto second = test::ok(say(victim, first));
    const auto transcript = transcript_of(first, second);
    // What the manager would say, said by the client.
    const auto mac = transcript.server_mac(house.alice, transcript.client_mac(house.alice));
    test::error(say(victim, proof(mac)), EKEYREJECTED);
}

void altered_transcript_is_refused() {
    const House house;
    const auto first = hello();
    for (const std::size_t at : {std::size_t{8}, std::size_t{17}, std::size_t{40}, first.size() - 1}) {
        auto handshake = house.handshake();
        const auto second = test::ok(say(handshake, first));
        auto seen = first;  // by the client: one bit changed on the way
        seen[at] ^= std::byte{1};
        test::error(say(handshake, proof(transcript_of(seen, second).client_mac(house.alice))), EKEYREJECTED);
    }
}

void steps_cannot_be_skipped() {
    const House house;
    auto at_start = house.handshake();
    test::error(say(at_start, proof({})), EPROTO);
    auto request = house.handshake();
    test::error(say(request, wire::encode_request(1, wire::Begin{"team/app", 4096})), EPROTO);

    auto twice = house.handshake();
    test::ok(say(twice, hello()));
    test::error(say(twice, hello()), EPROTO);
    auto early = house.handshake();
    test::ok(say(early, hello()));
    test::error(say(early, wire::encode_request(2, wire::StatusRequest{})), EPROTO);
    CHECK(!early.done());
}

void a_second_proof_is_refused() {
    const House house;
    auto handshake = house.handshake();
    const auto first = hello();
    const auto third = proof(transcript_of(first, test::ok(say(handshake, first))).client_mac(house.alice));
    test::ok(say(handshake, third));
    test::error(say(handshake, third), EPROTO);
    test::error(say(handshake, hello()), EPROTO);
}

Result<Bytes> hello_of_versions(const House& house, std::uint16_t minimum, std::uint16_t maximum) {
    wire::Hello hello;
    hello.minimum_version = minimum;
    hello.maximum_version = maximum;
    hello.principal = "alice";
    auto handshake = house.handshake();
    return say(handshake, wire::encode_request(1, hello));
}

void versions_are_negotiated() {
    const House house;
    test::equal(body_of<wire::Challenge>(test::ok(hello_of_versions(house, 1, 1))).version, 1);
    test::equal(body_of<wire::Challenge>(test::ok(hello_of_versions(house, 0, 9))).version, 1);
    test::contains(test::error(hello_of_versions(house, 2, 3), EPROTONOSUPPORT), "update the manager");
    test::contains(test::error(hello_of_versions(house, 0, 0), EPROTONOSUPPORT), "update the client");
    test::error(hello_of_versions(house, 5, 1), EPROTONOSUPPORT);
}

void pools_are_found_by_name_and_uuid() {
    const House house;
    const auto uuid = test::ok(house.pools.find("second"))->pool->uuid();
    const auto asked = [&](const std::string& pool) {
        auto handshake = house.handshake();
        return say(handshake, hello("alice", pool));
    };
    CHECK(body_of<wire::Challenge>(test::ok(asked(pool::to_string(uuid)))).pool_uuid == uuid);
    CHECK(body_of<wire::Challenge>(test::ok(asked(""))).pool_uuid ==
          test::ok(house.pools.find("first"))->pool->uuid());
    test::contains(test::error(asked("third"), ENOENT), "third");
}

void torn_messages_are_refused() {
    const House house;
    const auto whole = body_of<wire::Hello>(hello());
    wire::Encoder encoder;
    encoder(whole);
    for (std::size_t size = 0; size < encoder.bytes().size(); ++size) {
        wire::Encoder cut;
        cut.append(std::span(encoder.bytes()).first(size));
        auto handshake = house.handshake();
        test::error(say(handshake,
                        wire::encode_raw(static_cast<std::uint16_t>(wire::Type::hello), 1, std::move(cut))),
                    EPROTO);
    }
}

void a_pool_needs_its_own_manager_key() {
    const auto keys = (test::directory() / "keys").string();
    const auto path = test::make_pool("pool", keys, 16 * kMiB);
    const auto uuid = [&] {
        const auto served = test::ok(driver::open_pool({"pool", path}, keys));
        return pool::to_string(served->pool->uuid());
    }();
    const auto file = keys + "/" + pool_key_name(uuid) + ".key";
    test::ok(store_key(keys, pool_key_name(uuid), Key::random(), true));
    test::contains(test::error(driver::open_pool({"pool", path}, keys), EKEYREJECTED), file);
    ::unlink(file.c_str());
    test::contains(test::error(driver::open_pool({"pool", path}, keys), ENOENT), "manager key");
}

}  // namespace

int main() {
    log::set_level(static_cast<log::Level>(0));  // the failures here are wanted
    return test::run("handshake",
                     {{"both sides prove their keys", both_sides_prove_their_keys},
                      {"wrong key and unknown name look the same", wrong_key_and_unknown_name_look_the_same},
                      {"a random key is drawn for the unknown", a_random_key_is_drawn_for_the_unknown},
                      {"unsafe keys open nothing", unsafe_keys_open_nothing},
                      {"want of descriptors is no wrong key", want_of_descriptors_is_no_wrong_key},
                      {"keys are read at each handshake", keys_are_read_at_each_handshake},
                      {"names that are no principals", names_that_are_no_principals},
                      {"replayed proof is refused", replayed_proof_is_refused},
                      {"reflected MAC is refused", reflected_mac_is_refused},
                      {"altered transcript is refused", altered_transcript_is_refused},
                      {"steps can't be skipped", steps_cannot_be_skipped},
                      {"a second proof is refused", a_second_proof_is_refused},
                      {"versions are negotiated", versions_are_negotiated},
                      {"pools are found by name and UUID", pools_are_found_by_name_and_uuid},
                      {"torn messages are refused", torn_messages_are_refused},
                      {"a pool needs its own manager key", a_pool_needs_its_own_manager_key}});
}
