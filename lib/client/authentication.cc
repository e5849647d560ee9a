#include "lib/client/authentication.hh"

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "lib/base/units.hh"

namespace pmemckpt::client {

namespace {

std::string uuid_text(const wire::Uuid& uuid) {
    std::string text;
    for (std::size_t at = 0; at < uuid.size(); ++at) {
        if (at == 4 || at == 6 || at == 8 || at == 10)
            text += '-';
        text += fmt::format("{:02x}", uuid[at]);
    }
    return text;
}

bool looks_like_uuid(const std::string& name) {
    const std::string pattern = uuid_text({});
    if (name.size() != pattern.size())
        return false;
    for (std::size_t at = 0; at < name.size(); ++at)
        if (pattern[at] == '-' ? name[at] != '-' : !std::isxdigit(static_cast<unsigned char>(name[at])))
            return false;
    return true;
}

bool same_text(const std::string& a, const std::string& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::span<const std::byte> body_of(std::span<const std::byte> whole) {
    return whole.subspan(wire::kHeaderBytes);
}

constexpr std::uint64_t kLargestPage = kGiB;

Status check_page_size(std::uint64_t page_size) {
    if (page_size == 0 || page_size > kLargestPage || (page_size & (page_size - 1)) != 0)
        return fail(EPROTO, "it says that the pool has pages of {} bytes", page_size);
    return {};
}

}  // namespace

std::vector<std::byte> Authentication::hello(std::uint64_t request_id) {
    wire::Hello hello;
    hello.nonce = wire::random_nonce();
    hello.principal = options_.principal;
    hello.pool = options_.pool;
    auto message = wire::encode_request(request_id, hello);
    transcript_.add(message);
    return message;
}

Result<std::vector<std::byte>> Authentication::prove(std::uint64_t request_id,
                                                     std::span<const std::byte> challenge) {
    challenge_ = TRY(wire::decode_body<wire::Challenge>(body_of(challenge)));
    TRY(check_challenge());
    transcript_.add(challenge);
    proof_.mac = transcript_.client_mac(key_);
    return wire::encode_request(request_id, proof_);
}

/// What is known of the pool before must be so: its UUID when it was asked for by that, and its key where
/// this host has it (the pmem host).
Status Authentication::check_challenge() const {
    if (challenge_.version != wire::kProtocolVersion)
        return fail(EPROTONOSUPPORT, "it wants protocol version {}; version {} is spoken here",
                    challenge_.version, wire::kProtocolVersion);
    const auto uuid = uuid_text(challenge_.pool_uuid);
    if (looks_like_uuid(options_.pool) && !same_text(options_.pool, uuid))
        return fail(EKEYREJECTED, "pool {} was asked for and {} was offered", options_.pool, uuid);
    const auto known = load_key(options_.key_dir, wire::pool_key_name(uuid));
    if (known && wire::public_key(*known) != challenge_.pool_key)
        return fail(EKEYREJECTED, "the manager has another key for pool {} than {} does", uuid,
                    options_.key_dir);
    return {};
}

Result<wire::Welcome> Authentication::check(std::span<const std::byte> message) {
    auto welcome = TRY(wire::decode_body<wire::Welcome>(body_of(message)));
    if (!wire::equal(welcome.mac, transcript_.manager_mac(key_, proof_.mac)))
        return fail(EKEYREJECTED, "the manager does not have the key of {}", options_.principal);
    if (!transcript_.verify(challenge_.pool_key, proof_.mac, welcome.signature))
        return fail(EKEYREJECTED, "the manager does not have the key of pool {}",
                    uuid_text(challenge_.pool_uuid));
    TRY(check_page_size(welcome.page_size));
    return welcome;
}

}  // namespace pmemckpt::client
