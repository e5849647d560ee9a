#include "driver/handshake.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"

namespace pmemckpt::driver {

namespace {

using wire::Type;

/// The name of a pool's key file would be a principal's name too, but the manager's key is nobody's.
Status check_not_a_pool_key(const std::string& principal) {
    const std::string prefix = wire::pool_key_name("");
    if (principal.starts_with(prefix) && pool::parse_uuid(std::string_view(principal).substr(prefix.size())))
        return fail(EPERM, "{} is a pool's manager key and no principal's", principal);
    return {};
}

Result<Key> key_of_principal(const std::string& key_dir, const std::string& principal) {
    if (!check_principal(principal))
        return fail(EINVAL, "its name of {} bytes can name no principal", principal.size());
    TRY(check_not_a_pool_key(principal));
    return load_key(key_dir, principal);
}

Result<std::uint16_t> choose_version(const wire::Hello& hello) {
    if (hello.minimum_version > wire::kProtocolVersion || hello.maximum_version < wire::kProtocolVersion)
        return fail(EPROTONOSUPPORT,
                    "the client speaks protocol versions {} to {}, this manager version {}: update {}",
                    hello.minimum_version, hello.maximum_version, wire::kProtocolVersion,
                    hello.minimum_version > wire::kProtocolVersion ? "the manager" : "the client");
    return wire::kProtocolVersion;
}

}  // namespace

std::string manager_name() {
    return "pmemckptd " PMEMCKPT_VERSION;
}

Result<std::vector<std::byte>> Handshake::take(const wire::Message& message,
                                               std::span<const std::byte> whole) {
    const auto type = static_cast<Type>(message.header.type);
    if (expected_ == Expected::hello && type == Type::hello)
        return challenge(message, whole);
    if (expected_ == Expected::proof && type == Type::proof)
        return welcome(message);
    return fail(EPROTO, "message type {:#06x} came where {} was expected", message.header.type,
                expected_ == Expected::hello ? "HELLO" : "PROOF");
}

Result<std::vector<std::byte>> Handshake::challenge(const wire::Message& message,
                                                    std::span<const std::byte> whole) {
    auto hello = TRY(wire::decode_body<wire::Hello>(message.body));
    wire::Challenge challenge;
    challenge.version = TRY(choose_version(hello));
    pool_ = TRY(pools_.find(hello.pool));
    principal_ = std::move(hello.principal);
    choose_key();

    challenge.nonce = wire::random_nonce();
    challenge.pool_uuid = pool_->pool->uuid();
    challenge.pool_key = pool_->pool->manager_key();
    auto answer = wire::encode_answer(Type::hello, message.header.request_id, challenge);
    transcript_.add(whole);
    transcript_.add(answer);
    expected_ = Expected::proof;
    return answer;
}

// Who has no key here gets a random one: the steps and the answer are those of a wrong key, so names can't be
// tried out.
void Handshake::choose_key() {
    auto key = key_of_principal(key_dir_, principal_);
    key_ = key ? *key : Key::random();
    if (!key)
        no_key_ = std::move(key).error();
}

Result<std::vector<std::byte>> Handshake::welcome(const wire::Message& message) {
    const auto proof = TRY(wire::decode_body<wire::Proof>(message.body));
    const bool fits = wire::equal(proof.mac, transcript_.client_mac(key_));
    if (!fits || no_key_) {
        const bool is_name = check_principal(principal_).has_value();
        const std::string name = is_name ? principal_ : "with an unusable name";
        log::warning(
            "session {}: authentication of principal {} failed: {}", session_id_, name,
            no_key_ ? no_key_->message : "it has another key than " + key_dir_ + "/" + name + ".key");
        return fail(EKEYREJECTED, "authentication of principal {} failed", name);
    }
    wire::Welcome welcome;
    welcome.mac = transcript_.manager_mac(key_, proof.mac);
    welcome.signature = transcript_.sign(pool_->manager_key, proof.mac);
    welcome.session_id = session_id_;
    welcome.page_size = pool_->pool->page_size();
    welcome.durability = static_cast<std::uint8_t>(pool_->pool->medium().durability());
    welcome.manager = manager_name();
    expected_ = Expected::nothing;
    key_ = Key();
    return wire::encode_answer(Type::proof, message.header.request_id, welcome);
}

}  // namespace pmemckpt::driver
