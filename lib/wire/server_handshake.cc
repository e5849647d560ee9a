#include "lib/wire/server_handshake.hh"

#include <cerrno>
#include <utility>

#include "lib/base/log.hh"

namespace pmemckpt::wire {

namespace {

/// A pool's or a participant's own key is nobody's.
Result<ValidKeys> keys_of_principal(const std::string& key_dir, const std::string& principal) {
    if (!check_principal(principal))
        return fail(EINVAL, "its name of {} bytes can name no principal", principal.size());
    if (is_key_name_of_service(principal))
        return fail(EPERM, "{} is the key of what is served here, and no principal's", principal);
    return load_valid_keys(key_dir, principal);
}

}  // namespace

Result<std::vector<std::byte>> ServerHandshake::take(const Message& message,
                                                     std::span<const std::byte> whole) {
    const auto type = static_cast<Type>(message.header.type);
    if (expected_ == Expected::hello && type == Type::hello)
        return challenge(message, whole);
    if (expected_ == Expected::proof && type == Type::proof)
        return welcome(message);
    return fail(EPROTO, "message type {:#06x} came where {} was expected", message.header.type,
                expected_ == Expected::hello ? "HELLO" : "PROOF");
}

Status ServerHandshake::check_version(const Hello& hello) const {
    if (hello.minimum_version > kProtocolVersion || hello.maximum_version < kProtocolVersion)
        return fail(EPROTONOSUPPORT,
                    "the client speaks protocol versions {} to {}, this {} version {}: update the {}",
                    hello.minimum_version, hello.maximum_version, service_.server, kProtocolVersion,
                    hello.minimum_version > kProtocolVersion ? service_.server : "client");
    return {};
}

Result<std::vector<std::byte>> ServerHandshake::challenge(const Message& message,
                                                          std::span<const std::byte> whole) {
    auto hello = TRY(decode_body<Hello>(message.body));
    TRY(check_version(hello));
    served_ = TRY(find_(hello.pool));
    principal_ = std::move(hello.principal);

    Challenge challenge;
    challenge.nonce = random_nonce();
    challenge.pool_uuid = served_.uuid;
    challenge.pool_key = public_key(served_.key);
    auto answer = encode_answer(Type::hello, message.header.request_id, challenge);
    transcript_.add(whole);
    transcript_.add(answer);
    expected_ = Expected::proof;
    return answer;
}

// Found before a name is looked up: so it says nothing of who has a key.
Status ServerHandshake::check_descriptors(const Result<ValidKeys>& keys) const {
    if (!keys && (keys.error().code == EMFILE || keys.error().code == ENFILE))
        return fail(EMFILE, "the {} has no descriptor left to read a key with: try again", service_.server);
    return {};
}

// Who has no key here has random ones: the steps and the answer are those of a wrong key, so names can't be
// tried out.
Result<Key> ServerHandshake::key_that_fits(const Mac& mac) const {
    const auto keys = keys_of_principal(key_dir_, principal_);
    TRY(check_descriptors(keys));
    const auto present = keys ? keys->present : Key::random();
    const auto former = keys && keys->former ? *keys->former : Key::random();
    const bool fits_present = equal(mac, transcript_.client_mac(present));
    const bool fits_former = equal(mac, transcript_.client_mac(former));
    if (keys && fits_present)
        return present;
    if (keys && keys->former && fits_former)
        return former;
    return refuse(keys ? "it has another key than " + key_dir_ + "/" + principal_ + ".key"
                       : keys.error().message);
}

tl::unexpected<Error> ServerHandshake::refuse(const std::string& why) const {
    const std::string name = check_principal(principal_) ? principal_ : "with an unusable name";
    log::warning("session {}: authentication of principal {} failed: {}", session_id_, name, why);
    return fail(EKEYREJECTED, "authentication of principal {} failed", name);
}

Result<std::vector<std::byte>> ServerHandshake::welcome(const Message& message) {
    const auto proof = TRY(decode_body<Proof>(message.body));
    const auto key = TRY(key_that_fits(proof.mac));
    auto welcome = std::move(served_.welcome);
    welcome.mac = transcript_.server_mac(key, proof.mac);
    welcome.signature = transcript_.sign(served_.key, proof.mac);
    welcome.session_id = session_id_;
    expected_ = Expected::nothing;
    key_ = key;
    served_.key = Key();
    return encode_answer(Type::proof, message.header.request_id, welcome);
}

Status ServerHandshake::recheck() {
    const auto proved = std::exchange(key_, Key());
    const auto keys = keys_of_principal(key_dir_, principal_);
    TRY(check_descriptors(keys));
    if (keys && (keys->present == proved || (keys->former && *keys->former == proved)))
        return {};
    return refuse("its key was withdrawn while it was proved");
}

}  // namespace pmemckpt::wire
